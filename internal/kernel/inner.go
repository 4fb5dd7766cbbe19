package kernel

// inner copies planes with their channels innermost, [row][column][16], the
// planes' columns [-left, width-left) with zeros where there is no input.
type inner struct {
	h, w        int // of a plane
	channels    int // up to 16
	left, width int
}

// copy copies rows of the planes at x, every step-th of those from the first on;
// the others keep what they hold.
func (c inner) copy(dst, x []float32, first, rows, step int) {
	lo := min(c.left, c.width)
	hi := max(min(c.w+c.left, c.width), lo)
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
