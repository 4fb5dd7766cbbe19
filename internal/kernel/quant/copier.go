package quant

import (
	"encoding/binary"
	"slices"
	"unsafe"
)

// copier copies the input of a convolution so that the tiles find four channels of a
// pixel side by side, and the pixels of an output row that a tap reads one after the other.
type copier struct {
	s          ConvSpec
	outH, outW int // of the result
	h, w       int // of a plane of the copy
	phases     []phase
	taps       []tap
	blocks     int // of four channels, of a group
	fill, flip uint8
}

// phase is where in the input the planes of one residue of the strides begin.
type phase struct{ y, x int }

// tap is where a tap of the kernel reads: in which phase, and how far from the output pixel.
type tap struct{ phase, y, x int }

func newCopier(s ConvSpec) copier {
	c := copier{s: s, outH: s.OutH(), outW: s.OutW(), blocks: (s.C/s.Group + step - 1) / step}
	for i := range s.KH {
		for j := range s.KW {
			y, x := i*s.DilationH, j*s.DilationW
			p := phase{y % s.StrideH, x % s.StrideW}
			at := slices.Index(c.phases, p)
			if at < 0 {
				at, c.phases = len(c.phases), append(c.phases, p)
			}
			c.taps = append(c.taps, tap{at, y / s.StrideH, x / s.StrideW})
			c.h, c.w = max(c.h, c.outH+y/s.StrideH), max(c.w, c.outW+x/s.StrideW)
		}
	}
	return c
}

// positions is how many pixels of the copy's rows the result is computed at.
func (c *copier) positions() int { return (c.outH-1)*c.w + c.outW }

// planes is how many blocks of four channels there are in all.
func (c *copier) planes() int { return c.s.N * c.s.Group * c.blocks }

// item is the bytes of the copy of a group of an image.
func (c *copier) item() int { return c.blocks * len(c.phases) * c.h * c.w * step }

func (c *copier) size() int { return c.s.N * c.s.Group * c.item() }

// steps are the offsets of what a tile reads, for each block and each tap.
func (c *copier) steps() []int {
	var out []int
	for b := range c.blocks {
		for _, t := range c.taps {
			out = append(out, (((b*len(c.phases)+t.phase)*c.h+t.y)*c.w+t.x)*step)
		}
	}
	return out
}

// rows calls f for the pieces of output rows within the positions from lo to hi: where in
// the plane of the result each begins, where in the range, and how long it is.
func (c *copier) rows(lo, hi int, f func(to, from, n int)) {
	for r := lo / c.w; r < c.outH && r*c.w < hi; r++ {
		from, end := max(lo, r*c.w), min(hi, r*c.w+c.outW)
		if from < end {
			f(r*c.outW+from-r*c.w, from-lo, end-from)
		}
	}
}

// plane copies four channels of an image. lines is memory for four rows of the input.
func (c *copier) plane(dst, x []uint8, plane int, lines []uint8) {
	s := c.s
	item, block := plane/c.blocks, plane%c.blocks
	in := s.C / s.Group
	channels := min(step, in-step*block)
	src := x[(item*in+step*block)*s.H*s.W:]
	size := c.h * c.w * step
	dst = dst[plane*len(c.phases)*size:]
	for _, p := range c.phases {
		for r := range c.h {
			row := dst[r*c.w*step : size]
			y := r*s.StrideH + p.y - s.PadTop
			if y < 0 || y >= s.H {
				c.pad(row[:c.w*step])
				continue
			}
			first := max(0, (s.PadLeft-p.x+s.StrideW-1)/s.StrideW)
			last := min(c.w, max(first, (s.W-1+s.PadLeft-p.x+s.StrideW)/s.StrideW))
			c.pad(row[:first*step])
			if first < last {
				c.line(row[first*step:], src[y*s.W+first*s.StrideW+p.x-s.PadLeft:], channels, last-first, lines)
			}
			c.pad(row[last*step : c.w*step])
		}
		dst = dst[size:]
	}
}

func (c *copier) pad(row []uint8) {
	for i := range row {
		row[i] = c.fill
	}
}

// lineLen is how many bytes a line takes while it is copied.
func (c *copier) lineLen() int { return (c.s.W + 15) &^ 15 }

// line copies n pixels of a row. Of channels that there are not it copies whatever it
// finds, since their weights are 0; of rows shorter than a vector, more than it should,
// over what is written after it.
func (c *copier) line(row, src []uint8, channels, n int, lines []uint8) {
	s := c.s
	plane := s.H * s.W
	if channels == step && s.StrideW == 1 && n >= 16 {
		interleave(row, src, plane, n, c.flip)
		return
	}
	long := c.lineLen()
	for t := range channels {
		from, to := src[t*plane:], lines[t*long:][:n]
		switch s.StrideW {
		case 1:
			copy(to, from)
		case 2:
			evens(to, from)
		default:
			for i := range to {
				to[i] = from[i*s.StrideW]
			}
		}
	}
	if whole := (n + 15) &^ 15; whole*step <= len(row) {
		n = whole
	}
	interleave(row, lines, long, n, c.flip)
}

// evens picks every other byte: dst[i] = src[2i].
func evens(dst, src []uint8) {
	i := 0
	for ; i+4 <= len(dst) && 2*i+8 <= len(src); i += 4 {
		v := binary.LittleEndian.Uint64(src[2*i:]) & 0x00ff00ff00ff00ff
		v = (v | v>>8) & 0x0000ffff0000ffff
		binary.LittleEndian.PutUint32(dst[i:], uint32(v|v>>16))
	}
	for ; i < len(dst); i++ {
		dst[i] = src[2*i]
	}
}

// bytesOf is the memory of floats.
func bytesOf(f []float32) []uint8 {
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(f))), 4*len(f))
}

func int32sOf(f []float32) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(f))), len(f))
}
