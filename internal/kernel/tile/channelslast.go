package tile

import "memprobe/internal/kernel/ref"

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

// togetherPixels are those of the rows that are copied together, half of the channels at a time:
// their copy stays in the first-level cache for the other half.
const togetherPixels = 256

// Copy copies rows of the planes at x, every step-th of those from the first on;
// the others keep what they hold.
func (c ChannelsLast) Copy(dst, x []float32, first, rows, step int) {
	lo, hi := c.columns()
	together := 1
	if step == 1 && hi-lo == c.W { // rows follow each other
		together = max(togetherPixels/c.W, 1)
	}
	p := ref.Pixels{LD: c.H * c.W, W: hi - lo, Gap: c.Width - (hi - lo)}
	for i := 0; i < rows; i += step * together {
		n := min(together, rows-i)
		copied := dst[i*c.Width*NR:][:n*c.Width*NR]
		h0, h1 := max(first+i, 0), min(first+i+n, c.H)
		if h0 >= h1 || lo == hi {
			clear(copied)
			continue
		}
		from, to := ((h0-first-i)*c.Width+lo)*NR, ((h1-1-first-i)*c.Width+hi)*NR
		clear(copied[:from])
		clear(copied[to:])
		p.N = (h1 - h0) * p.W
		for half := 0; half < NR; half += VL {
			p.Rows = c.Channels - half
			p.Src, p.Dst = &x[min(half, c.Channels-1)*p.LD+h0*c.W], &copied[from+half]
			channelsLast(&p)
		}
	}
}
