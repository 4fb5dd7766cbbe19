package patch

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// Input lays a part of a padded image out so that the input of every tap is
// made of whole vectors in memory: a convolution is then a product whose B is
// read in place, row k = (channel, tap) at off[k], without an im2col matrix.
//
// The copy is xs[channel][row variant][column variant][image][row][column].
// Variants take a stride apart: row i of the variant that starts at s is input
// row i·stride+s. There are three layouts, each with more copies than the one
// before and fewer columns of tiles that hang over the edge:
//
//	Split  a variant for each residue modulo the stride, taps are shifts in it
//	Flat   a variant for each column of taps, so rows of output follow each other
//	Full   a variant for each tap, so images follow each other
type Input struct {
	Layout        Layout
	Images        int // images side by side
	Channels      int
	InH, InW      int
	Rows, Cols    Axis
	height, Width int // of a variant, rows for one band of output
	Pitch         int // floats of a channel
	OutH, OutW    int
	OutImage      int       // floats from a result to that of the next image, unless full
	Band          int       // rows of output in a band
	from          []int32   // of each element of a channel's copy: its input element; see Tabulate
	strips        []columns // nil where rows are not copied in strips
}

// Layout says what has a variant of its own.
type Layout uint8

const (
	Split Layout = iota // each residue modulo the stride
	Flat                // each column of taps
	Full                // each tap
)

func (l Layout) String() string { return [...]string{"split", "flat", "full"}[l] }

// Axis is one dimension of the window: tap k of output o reads input o·stride+start[k].
type Axis struct {
	Stride int
	start  []int // of the taps
	// Set by variants.
	First []int // start of each variant
	of    []int // variant of each tap
	shift []int // of each tap in its variant
	Reach int   // largest shift
}

// newAxis describes taps that begin at -pad and lie dilation apart.
func newAxis(taps, stride, dilation, pad int) Axis {
	a := Axis{Stride: stride}
	for k := range taps {
		a.start = append(a.start, k*dilation-pad)
	}
	return a
}

// variants divides the taps: each its own, or by residue modulo the stride.
func (a *Axis) variants(each bool) {
	a.First, a.of, a.shift, a.Reach = nil, nil, nil, 0
	for _, s := range a.start {
		v := 0
		for !each && v < len(a.First) && mod(s-a.First[v], a.Stride) != 0 {
			v++
		}
		if each {
			v = len(a.First)
		}
		if v == len(a.First) {
			a.First = append(a.First, s)
		}
		a.First[v] = min(a.First[v], s)
		a.of = append(a.of, v)
	}
	for k, s := range a.start {
		a.shift = append(a.shift, (s-a.First[a.of[k]])/a.Stride)
		a.Reach = max(a.Reach, a.shift[k])
	}
}

func mod(a, m int) int { return (a%m + m) % m }

// Size lays the copy out for the given layout and band.
func (p *Input) Size(l Layout, band, images int) {
	p.Layout, p.Band, p.Images = l, band, images
	p.Rows.variants(l == Full)
	p.Cols.variants(l != Split)
	p.height, p.Width = band+p.Rows.Reach, p.OutW+p.Cols.Reach
	p.Pitch = len(p.Rows.First) * len(p.Cols.First) * p.Variant()
	// An odd number of cache lines keeps the channels out of each other's sets.
	p.Pitch = (p.Pitch+15)/16 | 1
	p.Pitch *= 16
}

// Variant is the number of floats of one variant of a channel.
func (p *Input) Variant() int { return p.Images * p.height * p.Width }

// Len is the number of floats of the copy, with room to read a vector too much.
func (p *Input) Len() int { return p.Channels*p.Pitch + tile.NR }

// at is the place of tap (kh, kw) of channel c for the first output.
func (p *Input) at(c, kh, kw int) int {
	v := p.Rows.of[kh]*len(p.Cols.First) + p.Cols.of[kw]
	return c*p.Pitch + v*p.Variant() + p.Rows.shift[kh]*p.Width + p.Cols.shift[kw]
}

// Offsets lists the byte offsets of all taps of all channels, in the order of
// weights [channel][kh][kw].
func (p *Input) Offsets() []int32 {
	var off []int32
	for c := range p.Channels {
		for kh := range p.Rows.start {
			for kw := range p.Cols.start {
				off = append(off, int32(4*p.at(c, kh, kw)))
			}
		}
	}
	return off
}

// Fill copies what the output rows [r0, r1) of the images need, for the channels
// [c0, c1), the first of them to the beginning of xs. x holds the channels of the
// first image and the next begins stride elements later.
func (p *Input) Fill(xs, x []float32, images, stride, r0, r1, c0, c1 int) {
	inPlane := p.InH * p.InW
	if p.strips != nil {
		p.fillByStrips(xs, x, images, stride, r0, r1, c0, c1)
		return
	}
	for c := c0; c < c1; c++ {
		dst := xs[(c-c0)*p.Pitch:]
		if p.from != nil {
			for n := range images {
				p.fillByTable(dst[n*p.height*p.Width:], x[n*stride+c*inPlane:][:inPlane])
			}
			continue
		}
		for _, rs := range p.Rows.First {
			for _, cs := range p.Cols.First {
				for n := range images {
					plane := x[n*stride+c*inPlane:][:inPlane]
					p.fillVariant(dst[n*p.height*p.Width:], plane, rs+r0*p.Rows.Stride, cs, r1-r0+p.Rows.Reach)
				}
				dst = dst[p.Variant():]
			}
		}
	}
}

// columns are column variants that are copied at a time: the one given, and the next where that
// begins a column later and a stride of 2 takes every second.
type columns struct {
	variant int
	both    bool
	strips  []ref.Strip
}

// fillByStrips is Fill by whole vectors, of all channels for one variant after the other.
func (p *Input) fillByStrips(xs, x []float32, images, stride, r0, r1, c0, c1 int) {
	size := p.height * p.Width
	k := ref.PaddedCopy{Planes: c1 - c0, PlaneD: 4 * p.Pitch, PlaneS: 4 * p.InH * p.InW, Rows: r1 - r0 + p.Rows.Reach,
		Height: p.InH, LDD: 4 * p.Width, LDS: 4 * p.InW}
	for v, rs := range p.Rows.First {
		k.First = rs + r0*p.Rows.Stride
		for _, cols := range p.strips {
			k.Strips, k.NStrips, k.Between = &cols.strips[0], len(cols.strips), 0
			if cols.both {
				k.Between = 4 * p.Variant()
			}
			for n := range images {
				k.Dst = tile.At(xs, (v*len(p.Cols.First)+cols.variant)*p.Variant()+n*size)
				k.Src = tile.At(x, n*stride+c0*p.InH*p.InW)
				tile.CopyPadded(&k, p.Rows.Stride)
			}
		}
	}
}

// fillVariant copies rows input rows from the row rs on, and zeros where there
// is no input.
func (p *Input) fillVariant(dst, plane []float32, rs, cs, rows int) {
	sh, sw := p.Rows.Stride, p.Cols.Stride
	top, bottom := inside(rs, sh, p.InH, rows)
	lo, hi := inside(cs, sw, p.InW, p.Width)
	if top > 0 || bottom < rows || lo > 0 || hi < p.Width {
		clear(dst[:rows*p.Width])
	}
	if top < bottom && lo < hi {
		tile.CopyRows(&dst[top*p.Width+lo], &plane[(rs+top*sh)*p.InW+cs+lo*sw], bottom-top, hi-lo, p.Width, sh*p.InW, sw)
	}
}

// inside is the range of i < n for which start + i·stride lies in [0, size).
func inside(start, stride, size, n int) (lo, hi int) {
	lo = min(max(parallel.Chunks(-start, stride), 0), n)
	hi = max(min(parallel.Chunks(size-start, stride), n), lo)
	return lo, hi
}

// fillByTable copies a channel of an image, element by element.
func (p *Input) fillByTable(dst, plane []float32) {
	size := p.height * p.Width
	for v := range len(p.from) / size {
		to, from := dst[v*p.Variant():][:size], p.from[v*size:][:size]
		for i, f := range from {
			to[i] = 0
			if f >= 0 {
				to[i] = plane[f]
			}
		}
	}
}

// Tabulate makes what Fill copies by: strips where there are kernels for them, or
// the table of fillByTable, -1 for padding, where rows are so short that copying them one by
// one costs more, or several images follow each other. The copy must not be cut into bands
// then.
func (p *Input) Tabulate() {
	p.from, p.strips = nil, nil
	if s := p.Cols.Stride; tile.CopiesPadded() && s == p.Rows.Stride && s <= 2 && p.Width > 0 {
		for v := 0; v < len(p.Cols.First); v++ {
			first := p.Cols.First[v]
			cols := columns{variant: v, strips: ref.NewStrips(p.Width, p.InW, 1, s, -first)}
			if s == 2 && v+1 < len(p.Cols.First) && p.Cols.First[v+1] == first+1 {
				cols.both = true
				v++
			}
			p.strips = append(p.strips, cols)
		}
		return
	}
	if p.Layout != Full && (p.Width >= tile.VL || p.Band < p.OutH) {
		return
	}
	for _, rs := range p.Rows.First {
		for _, cs := range p.Cols.First {
			for r := range p.height {
				for q := range p.Width {
					h, w, f := rs+r*p.Rows.Stride, cs+q*p.Cols.Stride, int32(-1)
					if h >= 0 && h < p.InH && w >= 0 && w < p.InW {
						f = int32(h*p.InW + w)
					}
					p.from = append(p.from, f)
				}
			}
		}
	}
}

// Vectors lists the columns of a band of the given number of rows, so many at a time.
func (p *Input) Vectors(rows, images, lanes int) []ref.Vector {
	n, lines, line := images, rows, p.OutW // images of lines of results that follow each other
	if p.Width == p.OutW {
		lines, line = 1, rows*p.OutW
	}
	if p.Layout == Full {
		n, line = 1, images*line
	}
	var list []ref.Vector
	for i := range n {
		for r := range lines {
			src, dst := i*p.height*p.Width+r*p.Width, i*p.OutImage+r*p.OutW
			for q := 0; q < line; q += lanes {
				list = append(list, ref.Vector{Src: int32(src + q), Dst: int32(dst + q), N: int32(min(lanes, line-q))})
			}
		}
	}
	return list
}
