package probe

import (
	"fmt"
	"math"
	"slices"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/memory"
	"memprobe/internal/parallel"
)

// Features are the activations of one layer: n rows of d float32s, a row a
// sample, row-major. Metrics read them and never change them; they must be
// finite.
type Features struct {
	N, D int
	Data []float32 // [N,D]
}

// Row returns the features of sample i.
func (f Features) Row(i int) []float32 { return f.Data[i*f.D : (i+1)*f.D] }

// first are the first n samples.
func (f Features) first(n int) Features { return Features{n, f.D, f.Data[:n*f.D]} }

// rows copies the given rows.
func (f Features) rows(index []int) Features {
	out := Features{len(index), f.D, make([]float32, 0, len(index)*f.D)}
	for _, i := range index {
		out.Data = append(out.Data, f.Row(i)...)
	}
	return out
}

// spare is memory of features that nobody reads any more. To fill it again takes less time
// than to have new pages from the system.
type spare struct {
	pieces [][]float32
	made   []*float32 // the first elements of pieces that were new when they were borrowed
}

// take returns n elements with whatever they hold: a piece of that length, or new memory.
func (s *spare) take(n int) []float32 {
	return s.remove(slices.IndexFunc(s.pieces, func(p []float32) bool { return len(p) == n }), n)
}

// borrow returns the least piece of at least n elements, or new memory of n, to be given back
// before others are taken.
func (s *spare) borrow(n int) []float32 {
	least := -1
	for i, p := range s.pieces {
		if len(p) >= n && (least < 0 || len(p) < len(s.pieces[least])) {
			least = i
		}
	}
	p := s.remove(least, n)
	if least < 0 && n > 0 {
		s.made = append(s.made, &p[0])
	}
	return p
}

// settle gives up the pieces that were new when they were borrowed: no layer has their length, and
// where memory is short they would be missing.
func (s *spare) settle() {
	s.pieces = slices.DeleteFunc(s.pieces, func(p []float32) bool { return len(p) > 0 && slices.Contains(s.made, &p[0]) })
	s.made = nil
}

// remove takes piece i out; -1: n new elements.
func (s *spare) remove(i, n int) []float32 {
	if i < 0 {
		return memory.Uncleared[float32](n)
	}
	p := s.pieces[i]
	s.pieces = slices.Delete(s.pieces, i, i+1)
	return p
}

func (s *spare) give(x []float32) { s.pieces = append(s.pieces, x) }

// check reports what makes f unfit for a metric that wants at least n samples.
func (f Features) check(metric string, n int) error {
	if f.D < 1 || f.N < n || len(f.Data) != f.N*f.D {
		return fmt.Errorf("probe: %s: features are [%d,%d] with %d elements, want at least %d samples of one element",
			metric, f.N, f.D, len(f.Data), n)
	}
	for i := range f.N {
		for j, v := range f.Row(i) {
			if v-v != 0 {
				return fmt.Errorf("probe: %s: sample %d has %v in column %d, want finite features", metric, i, v, j)
			}
		}
	}
	return nil
}

// checkLabels reports what makes labels unfit for n samples of that many classes.
func checkLabels(metric string, labels []int, n, classes int) error {
	if len(labels) != n {
		return fmt.Errorf("probe: %s: %d labels for %d samples", metric, len(labels), n)
	}
	for i, y := range labels {
		if y < 0 || y >= classes {
			return fmt.Errorf("probe: %s: label %d of sample %d, want one of %d classes", metric, y, i, classes)
		}
	}
	return nil
}

// mean returns the mean of the rows in float64.
func (f Features) mean() []float64 {
	m := make([]float64, f.D)
	for i := range f.N {
		for j, v := range f.Row(i) {
			m[j] += float64(v)
		}
	}
	for j := range m {
		m[j] /= float64(f.N)
	}
	return m
}

// centred returns a copy of f whose columns have mean zero, times the power of two
// that brings the greatest element into [½,1], rounded to float32 after both in
// float64.
func (f Features) centred() Features {
	c, _ := f.centredBy()
	return c
}

// centredBy is centred, with that power of two.
func (f Features) centredBy() (c Features, scale float64) {
	m := f.mean()
	top := 0.0
	for i := range f.N {
		for j, v := range f.Row(i) {
			top = max(top, math.Abs(float64(v)-m[j]))
		}
	}
	_, e := math.Frexp(top)
	scale = math.Ldexp(1, -e)
	c = Features{f.N, f.D, make([]float32, len(f.Data))}
	for i := range f.N {
		row := c.Row(i)
		for j, v := range f.Row(i) {
			row[j] = float32((float64(v) - m[j]) * scale)
		}
	}
	return c, scale
}

// scale is the root mean square of the elements.
func (f Features) scale() float64 {
	s := 0.0
	for _, v := range f.Data {
		s += float64(v) * float64(v)
	}
	return math.Sqrt(s / float64(len(f.Data)))
}

// transposed returns the columns of f as rows.
func (f Features) transposed() Features {
	t := Features{f.D, f.N, make([]float32, len(f.Data))}
	const tile = 32 // a square that stays in the first-level cache
	for i0 := 0; i0 < f.N; i0 += tile {
		for j0 := 0; j0 < f.D; j0 += tile {
			for i := i0; i < min(i0+tile, f.N); i++ {
				row := f.Row(i)
				for j := j0; j < min(j0+tile, f.D); j++ {
					t.Data[j*f.N+i] = row[j]
				}
			}
		}
	}
	return t
}

// moment returns Σ x·xᵀ over the rows of f or, where that is smaller, the
// products of its rows with one another: a symmetric matrix, row-major and
// complete, whose eigenvalues are the squares of f's singular values. Products
// are summed in float64.
func (f Features) moment(pool *parallel.Pool) (m []float64, size int) {
	rows := f
	if f.D <= f.N {
		rows = f.transposed()
	}
	size = rows.N
	m = make([]float64, size*size)
	pool.For(size, func(_, i int) {
		for j := range i + 1 {
			m[i*size+j] = vec.Dot(rows.Row(i), rows.Row(j))
		}
	})
	for i := range size {
		for j := range i {
			m[j*size+i] = m[i*size+j]
		}
	}
	return m, size
}

// rounding bounds the eigenvalues of a moment matrix, given in ascending order, that
// rounding makes where the true ones are zero.
func rounding(values []float64) float64 {
	return float64(len(values)) * 0x1p-52 * values[len(values)-1]
}

// norm is the Euclidean norm in float64.
func norm(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v * v
	}
	return math.Sqrt(s)
}
