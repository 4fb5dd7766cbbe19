package ref

import (
	"math"
	"unsafe"
)

// PoolRows describes a pooling of planes that are read where they lie, by windows whose
// rows follow each other:
//
//	Y[r][q] = op(X[r·stride-PadTop+i][q·stride-PadLeft+j])
//
// The elements of a window are combined down its columns first, then along the row.
// Averages are divided by Divisor [OutH][LDY/4].
type PoolRows struct {
	Y, X    *float32
	Planes  int
	Rows    *PoolRow // [OutH]
	OutH    int
	Strips  *PoolStrip // [NStrips]
	NStrips int
	Width   int // bytes of a row of X
	PlaneX  int // bytes of a plane of X
	LDY     int // bytes of a row of Y; rows of all planes follow each other
	Divisor *float32
}

// PoolRow is the rows of the image that a row of windows covers.
type PoolRow struct {
	First int64 // bytes from the plane to the first
	Count int32
	Start float32 // what combining begins with
}

// PoolStrip is what one vector, or with a stride of 2 one of two, covers of a row.
type PoolStrip struct {
	X, Y   int32     // bytes to the first column read, which may lie in the padding, and to the first result
	Masks  [3]uint16 // lanes that are read, of each vector, and results that are stored
	unused uint16
}

// PoolLanes is how many columns a vector of the kernels has.
const PoolLanes = 16

// NewPoolStrips cuts a row of out results, of windows of taps columns, into what the
// kernels compute at a time; width is that of the image.
func NewPoolStrips(out, width, taps, stride, padLeft int) []PoolStrip {
	per := (PoolLanes*stride-taps)/stride + 1
	var list []PoolStrip
	for q := 0; q < out; q += per {
		first := q*stride - padLeft
		s := PoolStrip{X: int32(4 * first), Y: int32(4 * q)}
		for v := range stride {
			for i := range PoolLanes {
				if at := first + v*PoolLanes + i; at >= 0 && at < width {
					s.Masks[v] |= 1 << i
				}
			}
		}
		s.Masks[stride] = 1<<min(per, out-q) - 1
		list = append(list, s)
	}
	return list
}

// MaxRows computes the maxima, and tells whether all elements are numbers.
func MaxRows(p *PoolRows, taps, stride int) bool {
	numbers := true
	p.combine(taps, stride, float32(math.Inf(-1)), func(a, b float32) float32 {
		numbers = numbers && a == a && b == b
		if b > a {
			return b
		}
		return a
	})
	return numbers
}

// AvgRows computes the averages.
func AvgRows(p *PoolRows, taps, stride int) {
	p.combine(taps, stride, 0, func(a, b float32) float32 { return a + b })
	n := p.OutH * p.LDY / 4
	for i := range p.Planes * n {
		*at(p.Y, i) /= *at(p.Divisor, i%n)
	}
}

func (p *PoolRows) combine(taps, stride int, padding float32, op func(a, b float32) float32) {
	rows, strips := unsafe.Slice(p.Rows, p.OutH), unsafe.Slice(p.Strips, p.NStrips)
	for plane := range p.Planes {
		for r, row := range rows {
			for _, s := range strips {
				var columns [2 * PoolLanes]float32
				for i := range columns {
					columns[i] = padding
					if s.Masks[i/PoolLanes]>>(i%PoolLanes)&1 == 0 || i/PoolLanes >= stride {
						continue
					}
					columns[i] = row.Start
					for h := range int(row.Count) {
						from := (plane*p.PlaneX + int(row.First) + h*p.Width + int(s.X)) / 4
						columns[i] = op(columns[i], *at(p.X, from+i))
					}
				}
				for q := range PoolLanes {
					if s.Masks[stride]>>q&1 == 0 {
						continue
					}
					sum := columns[q*stride]
					for _, v := range columns[q*stride+1:][:taps-1] {
						sum = op(sum, v)
					}
					*at(p.Y, (plane*p.OutH+r)*p.LDY/4+int(s.Y)/4+q) = sum
				}
			}
		}
	}
}
