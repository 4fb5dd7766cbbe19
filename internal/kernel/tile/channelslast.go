package tile

// ChannelsLast copies planes with their channels innermost, [row][column][16], the
// planes' columns [-left, width-left) with zeros where there is no input.
type ChannelsLast struct {
	H, W        int // of a plane
	Channels    int // up to 16
	Left, Width int
}

// columns are those of a row of the copy that hold input.
func (c ChannelsLast) columns() (lo, hi int) {
	lo = min(c.Left, c.Width)
	return lo, max(min(c.W+c.Left, c.Width), lo)
}

// Copy copies rows of the planes at x, every step-th of those from the first on;
// the others keep what they hold.
func (c ChannelsLast) Copy(dst, x []float32, first, rows, step int) {
	lo, hi := c.columns()
	if step == 1 && c.W < VL && hi-lo == c.W {
		c.copyShort(dst, x, first, rows)
		return
	}
	side := Side{N: c.Channels, Width: NR, LD: c.H * c.W, KInner: true}
	for i := 0; i < rows; i += step {
		row, h := dst[i*c.Width*NR:][:c.Width*NR], first+i
		if h < 0 || h >= c.H {
			clear(row)
			continue
		}
		clear(row[:lo*NR])
		side.Pack(row[lo*NR:], x[h*c.W:], 0, 1, 0, hi-lo)
		clear(row[hi*NR:])
	}
}

// copyShort copies rows of less than a vector. It turns them as one long row, to
// the end of dst, and moves them from there: a row's place ends before the next
// one's source begins.
func (c ChannelsLast) copyShort(dst, x []float32, first, rows int) {
	dst = dst[:rows*c.Width*NR]
	h0, h1 := max(first, 0), min(first+rows, c.H)
	if h0 >= h1 {
		clear(dst)
		return
	}
	lo, hi := c.columns()
	line, n := c.W*NR, h1-h0
	from := dst[len(dst)-n*line:]
	side := Side{N: c.Channels, Width: NR, LD: c.H * c.W, KInner: true}
	side.Pack(from, x[h0*c.W:], 0, 1, 0, n*c.W)
	clear(dst[:(h0-first)*c.Width*NR])
	for i := range n {
		row := dst[(h0-first+i)*c.Width*NR:][:c.Width*NR]
		copy(row[lo*NR:], from[i*line:][:line])
		clear(row[:lo*NR])
		clear(row[hi*NR:])
	}
	clear(dst[(h1-first)*c.Width*NR:])
}
