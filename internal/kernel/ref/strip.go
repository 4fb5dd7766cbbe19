package ref

import "unsafe"

// StripLanes is how many columns a vector of the kernels on strips has.
const StripLanes = 16

// Strip is some results of a row that are computed at a time, from one vector of a row of an
// image, or with a stride of 2 from two.
type Strip struct {
	X, Y   int32     // bytes to the first column read, which may lie in the padding, and to the first result
	Masks  [3]uint16 // lanes that are read, of each vector, and results that are stored
	unused uint16
}

// NewStrips cuts a row of out results, of windows of taps columns, into what the kernels
// compute at a time; width is that of the image, and stride 1 or 2.
func NewStrips(out, width, taps, stride, padLeft int) []Strip {
	per := (StripLanes*stride-taps)/stride + 1
	var list []Strip
	for q := 0; q < out; q += per {
		first := q*stride - padLeft
		s := Strip{X: int32(4 * first), Y: int32(4 * q)}
		for v := range stride {
			for i := range StripLanes {
				if at := first + v*StripLanes + i; at >= 0 && at < width {
					s.Masks[v] |= 1 << i
				}
			}
		}
		s.Masks[stride] = 1<<min(per, out-q) - 1
		list = append(list, s)
	}
	return list
}

// PaddedCopy copies rows of planes with zeros around them:
//
//	Dst[p][r][q] = Src[p][First+r·stride][X+q·stride], 0 where that is outside of the plane
//
// where X is the first column of the strips, and stride that of both. With a stride of 2 the columns
// between, X+1+2·q, are copied as well, Between bytes further on, unless that is 0.
type PaddedCopy struct {
	Dst, Src       *float32
	Planes         int
	PlaneD, PlaneS int // bytes from plane to plane
	Rows           int
	First, Height  int // the first row that is copied, which may lie in the padding; rows of a plane of Src
	LDD, LDS       int // bytes of a row
	Strips         *Strip
	NStrips        int
	Between        int
}

// CopyPadded copies p.
func CopyPadded(p *PaddedCopy, stride int) {
	for plane := range p.Planes {
		for r := range p.Rows {
			h := p.First + r*stride
			for _, s := range unsafe.Slice(p.Strips, p.NStrips) {
				for q := range StripLanes {
					if s.Masks[stride]>>q&1 == 0 {
						continue
					}
					pixel := func(i int) float32 {
						if h < 0 || h >= p.Height || s.Masks[i/StripLanes]>>(i%StripLanes)&1 == 0 {
							return 0
						}
						return *at(p.Src, (plane*p.PlaneS+h*p.LDS+int(s.X))/4+i)
					}
					to := (plane*p.PlaneD+r*p.LDD+int(s.Y))/4 + q
					*at(p.Dst, to) = pixel(q * stride)
					if p.Between != 0 {
						*at(p.Dst, to+p.Between/4) = pixel(q*stride + 1)
					}
				}
			}
		}
	}
}
