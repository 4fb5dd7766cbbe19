package kernel

// inner copies planes with their channels innermost, [row][column][16], the
// planes' columns [-left, width-left) with zeros where there is no input.
type inner struct {
	h, w        int // of a plane
	channels    int // up to 16
	left, width int
}

// columns are those of a row of the copy that hold input.
func (c inner) columns() (lo, hi int) {
	lo = min(c.left, c.width)
	return lo, max(min(c.w+c.left, c.width), lo)
}

// copy copies rows of the planes at x, every step-th of those from the first on;
// the others keep what they hold.
func (c inner) copy(dst, x []float32, first, rows, step int) {
	lo, hi := c.columns()
	if step == 1 && c.w < vl && hi-lo == c.w {
		c.copyShort(dst, x, first, rows)
		return
	}
	side := side{n: c.channels, width: nr, ld: c.h * c.w, kInner: true}
	for i := 0; i < rows; i += step {
		row, h := dst[i*c.width*nr:][:c.width*nr], first+i
		if h < 0 || h >= c.h {
			clear(row)
			continue
		}
		clear(row[:lo*nr])
		side.pack(row[lo*nr:], x[h*c.w:], 0, 1, 0, hi-lo)
		clear(row[hi*nr:])
	}
}

// copyShort copies rows of less than a vector. It turns them as one long row, to
// the end of dst, and moves them from there: a row's place ends before the next
// one's source begins.
func (c inner) copyShort(dst, x []float32, first, rows int) {
	dst = dst[:rows*c.width*nr]
	h0, h1 := max(first, 0), min(first+rows, c.h)
	if h0 >= h1 {
		clear(dst)
		return
	}
	lo, hi := c.columns()
	line, n := c.w*nr, h1-h0
	from := dst[len(dst)-n*line:]
	side := side{n: c.channels, width: nr, ld: c.h * c.w, kInner: true}
	side.pack(from, x[h0*c.w:], 0, 1, 0, n*c.w)
	clear(dst[:(h0-first)*c.width*nr])
	for i := range n {
		row := dst[(h0-first+i)*c.width*nr:][:c.width*nr]
		copy(row[lo*nr:], from[i*line:][:line])
		clear(row[:lo*nr])
		clear(row[hi*nr:])
	}
	clear(dst[(h1-first)*c.width*nr:])
}
