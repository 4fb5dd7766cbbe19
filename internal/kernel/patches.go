package kernel

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// patches lays a part of a padded image out so that the input of every tap is
// made of whole vectors in memory: a convolution is then a product whose B is
// read in place, row k = (channel, tap) at off[k], without an im2col matrix.
//
// The copy is xs[channel][row variant][column variant][image][row][column].
// Variants take a stride apart: row i of the variant that starts at s is input
// row i·stride+s. There are three layouts, each with more copies than the one
// before and fewer columns of tiles that hang over the edge:
//
//	split  a variant for each residue modulo the stride, taps are shifts in it
//	flat   a variant for each column of taps, so rows of output follow each other
//	full   a variant for each tap, so images follow each other
type patches struct {
	layout        layout
	images        int // images side by side
	channels      int
	inH, inW      int
	rows, cols    axis
	height, width int // of a variant, rows for one band of output
	pitch         int // floats of a channel
	outH, outW    int
	outImage      int     // floats from a result to that of the next image, unless full
	band          int     // rows of output in a band
	from          []int32 // of each element of a channel's copy: its input element; see tabulate
}

type layout uint8

const (
	split layout = iota
	flat
	full
)

func (l layout) String() string { return [...]string{"split", "flat", "full"}[l] }

// axis is one dimension of the window: tap k of output o reads input o·stride+start[k].
type axis struct {
	stride int
	start  []int // of the taps
	// Set by variants.
	first []int // start of each variant
	of    []int // variant of each tap
	shift []int // of each tap in its variant
	reach int   // largest shift
}

// newAxis describes taps that begin at -pad and lie dilation apart.
func newAxis(taps, stride, dilation, pad int) axis {
	a := axis{stride: stride}
	for k := range taps {
		a.start = append(a.start, k*dilation-pad)
	}
	return a
}

// variants divides the taps: each its own, or by residue modulo the stride.
func (a *axis) variants(each bool) {
	a.first, a.of, a.shift, a.reach = nil, nil, nil, 0
	for _, s := range a.start {
		v := 0
		for !each && v < len(a.first) && mod(s-a.first[v], a.stride) != 0 {
			v++
		}
		if each {
			v = len(a.first)
		}
		if v == len(a.first) {
			a.first = append(a.first, s)
		}
		a.first[v] = min(a.first[v], s)
		a.of = append(a.of, v)
	}
	for k, s := range a.start {
		a.shift = append(a.shift, (s-a.first[a.of[k]])/a.stride)
		a.reach = max(a.reach, a.shift[k])
	}
}

func mod(a, m int) int { return (a%m + m) % m }

// size lays the copy out for the given layout and band.
func (p *patches) size(l layout, band, images int) {
	p.layout, p.band, p.images = l, band, images
	p.rows.variants(l == full)
	p.cols.variants(l != split)
	p.height, p.width = band+p.rows.reach, p.outW+p.cols.reach
	p.pitch = len(p.rows.first) * len(p.cols.first) * p.variant()
	// An odd number of cache lines keeps the channels out of each other's sets.
	p.pitch = (p.pitch+15)/16 | 1
	p.pitch *= 16
}

// variant is the number of floats of one variant of a channel.
func (p *patches) variant() int { return p.images * p.height * p.width }

// len is the number of floats of the copy, with room to read a vector too much.
func (p *patches) len() int { return p.channels*p.pitch + vl }

// at is the place of tap (kh, kw) of channel c for the first output.
func (p *patches) at(c, kh, kw int) int {
	v := p.rows.of[kh]*len(p.cols.first) + p.cols.of[kw]
	return c*p.pitch + v*p.variant() + p.rows.shift[kh]*p.width + p.cols.shift[kw]
}

// offsets lists the byte offsets of all taps of all channels, in the order of
// weights [channel][kh][kw].
func (p *patches) offsets() []int32 {
	var off []int32
	for c := range p.channels {
		for kh := range p.rows.start {
			for kw := range p.cols.start {
				off = append(off, int32(4*p.at(c, kh, kw)))
			}
		}
	}
	return off
}

// fill copies what the output rows [r0, r1) of the images need, for the channels
// [c0, c1), the first of them to the beginning of xs. x holds the channels of the
// first image and the next begins stride elements later.
func (p *patches) fill(xs, x []float32, images, stride, r0, r1, c0, c1 int) {
	inPlane := p.inH * p.inW
	for c := c0; c < c1; c++ {
		dst := xs[(c-c0)*p.pitch:]
		if p.from != nil {
			for n := range images {
				p.fillByTable(dst[n*p.height*p.width:], x[n*stride+c*inPlane:][:inPlane])
			}
			continue
		}
		for _, rs := range p.rows.first {
			for _, cs := range p.cols.first {
				for n := range images {
					p.fillVariant(dst[n*p.height*p.width:], x[n*stride+c*inPlane:][:inPlane], rs+r0*p.rows.stride, cs, r1-r0+p.rows.reach)
				}
				dst = dst[p.variant():]
			}
		}
	}
}

// fillVariant copies rows input rows from the row rs on, and zeros where there
// is no input.
func (p *patches) fillVariant(dst, plane []float32, rs, cs, rows int) {
	sh, sw := p.rows.stride, p.cols.stride
	top, bottom := inside(rs, sh, p.inH, rows)
	lo, hi := inside(cs, sw, p.inW, p.width)
	if top > 0 || bottom < rows || lo > 0 || hi < p.width {
		clear(dst[:rows*p.width])
	}
	if top < bottom && lo < hi {
		copyRows(&dst[top*p.width+lo], &plane[(rs+top*sh)*p.inW+cs+lo*sw], bottom-top, hi-lo, p.width, sh*p.inW, sw)
	}
}

// inside is the range of i < n for which start + i·stride lies in [0, size).
func inside(start, stride, size, n int) (lo, hi int) {
	lo = min(max(parallel.Chunks(-start, stride), 0), n)
	hi = max(min(parallel.Chunks(size-start, stride), n), lo)
	return lo, hi
}

// fillByTable copies a channel of an image, element by element.
func (p *patches) fillByTable(dst, plane []float32) {
	size := p.height * p.width
	for v := range len(p.from) / size {
		to, from := dst[v*p.variant():][:size], p.from[v*size:][:size]
		for i, f := range from {
			to[i] = 0
			if f >= 0 {
				to[i] = plane[f]
			}
		}
	}
}

// tabulate makes the table of fillByTable, -1 for padding, where rows are so
// short that copying them one by one costs more, or several images follow each
// other. The copy must not be cut into bands then.
func (p *patches) tabulate() {
	p.from = nil
	if p.layout != full && (p.width >= vl || p.band < p.outH) {
		return
	}
	for _, rs := range p.rows.first {
		for _, cs := range p.cols.first {
			for r := range p.height {
				for q := range p.width {
					h, w, f := rs+r*p.rows.stride, cs+q*p.cols.stride, int32(-1)
					if h >= 0 && h < p.inH && w >= 0 && w < p.inW {
						f = int32(h*p.inW + w)
					}
					p.from = append(p.from, f)
				}
			}
		}
	}
}

// vectors lists the columns of a band of the given number of rows.
func (p *patches) vectors(rows, images int) []ref.Vector {
	n, lines, line := images, rows, p.outW // images of lines of results that follow each other
	if p.width == p.outW {
		lines, line = 1, rows*p.outW
	}
	if p.layout == full {
		n, line = 1, images*line
	}
	var list []ref.Vector
	for i := range n {
		for r := range lines {
			src, dst := i*p.height*p.width+r*p.width, i*p.outImage+r*p.outW
			for q := 0; q < line; q += vl {
				list = append(list, ref.Vector{Src: int32(src + q), Dst: int32(dst + q), N: int32(min(vl, line-q))})
			}
		}
	}
	return list
}
