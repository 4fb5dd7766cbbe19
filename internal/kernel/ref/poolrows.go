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
	Strips  *Strip // [NStrips]
	NStrips int
	Width   int // bytes of a row of X
	PlaneX  int // bytes of a plane of X
	LDY     int // bytes of a row of Y; rows of all planes follow each other
	Divisor *float32
	Index   *int32 // as Y lies: where in its plane each maximum is
}

// PoolRow is the rows of the image that a row of windows covers.
type PoolRow struct {
	First int64 // bytes from the plane to the first
	Count int32
	Start float32 // what combining begins with
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

// MaxIndexRows computes the maxima and where they lie, the first of equal ones row by row.
// It tells whether all elements are numbers, and each maximum is above -Inf.
func MaxIndexRows(p *PoolRows, taps, stride int) bool {
	sure := MaxRows(p, taps, stride)
	for plane := range p.Planes {
		for r, row := range unsafe.Slice(p.Rows, p.OutH) {
			for _, s := range unsafe.Slice(p.Strips, p.NStrips) {
				for q := range StripLanes {
					if s.Masks[stride]>>q&1 == 0 {
						continue
					}
					to := (plane*p.OutH+r)*p.LDY/4 + int(s.Y)/4 + q
					most := *at(p.Y, to)
					sure = sure && most > float32(math.Inf(-1))
					for k := int(row.Count)*taps - 1; k >= 0; k-- {
						lane := q*stride + k%taps
						from := (int(row.First)+k/taps*p.Width+int(s.X))/4 + lane
						if s.Masks[lane/StripLanes]>>(lane%StripLanes)&1 == 0 {
							continue
						}
						if x := *at(p.X, plane*p.PlaneX/4+from); x == most {
							*at(p.Y, to), unsafe.Slice(p.Index, to+1)[to] = x, int32(from)
						}
					}
				}
			}
		}
	}
	return sure
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
				var columns [2 * StripLanes]float32
				for i := range columns {
					columns[i] = padding
					if s.Masks[i/StripLanes]>>(i%StripLanes)&1 == 0 || i/StripLanes >= stride {
						continue
					}
					columns[i] = row.Start
					for h := range int(row.Count) {
						from := (plane*p.PlaneX + int(row.First) + h*p.Width + int(s.X)) / 4
						columns[i] = op(columns[i], *at(p.X, from+i))
					}
				}
				for q := range StripLanes {
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
