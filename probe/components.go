package probe

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"memprobe/internal/parallel"
	"memprobe/internal/rng"
)

// components returns, for centred rows x of f, their first two principal components
// x·v₁ and x·v₂, v being the unit eigenvectors of Σ x·xᵀ with the greatest eigenvalues,
// and these eigenvalues' shares of its trace; NaN where all rows are the same. Where f
// has one column, the second component is zero.
//
// Pearson 1901; Hotelling 1933.
func components(pool *parallel.Pool, f Features) (plane, error) {
	if err := f.check("map", 1); err != nil {
		return plane{}, err
	}
	x, scale := f.centredBy()
	m, size := x.moment(pool)
	trace := 0.0
	for i := range size {
		trace += m[i*size+i]
	}
	p := plane{make([][2]float32, f.N), [2]float64{math.NaN(), math.NaN()}}
	if trace == 0 {
		return p, nil
	}
	values, vectors, err := leading(pool, m, size)
	if err != nil {
		return p, err
	}
	for c := range 2 {
		p.explained[c] = 0
		if c >= len(values) {
			continue
		}
		p.explained[c] = max(0, values[c]) / trace
		for i := range f.N {
			v := 0.0
			if f.D <= f.N { // of the columns: project
				for j, e := range x.Row(i) {
					v += float64(e) * vectors[c][j]
				}
			} else { // of the rows: √λ·u
				v = math.Sqrt(max(0, values[c])) * vectors[c][i]
			}
			p.at[i][c] = float32(v / scale)
		}
	}
	return p, nil
}

// leading returns the greatest two eigenvalues of a symmetric positive semidefinite
// matrix, row-major, with their unit eigenvectors, one where it has one row: by subspace
// iteration over eight vectors with Rayleigh and Ritz's step (Saad 2011, chapter 5). It
// ends when neither value moves by more than 1e-13 of the greatest, or after 500 steps,
// where the two are known as well as a figure needs.
func leading(pool *parallel.Pool, m []float64, size int) (values []float64, vectors [][]float64, err error) {
	wide := min(8, size)
	q := make([][]float64, wide)
	s := rng.New(0, rng.Metric, 3)
	for k := range q {
		q[k] = make([]float64, size)
		for i := range q[k] {
			q[k][i] = s.Normal()
		}
	}
	orthonormal(q)
	mq := make([][]float64, wide)
	for k := range mq {
		mq[k] = make([]float64, size)
	}
	values = make([]float64, min(2, size))
	for range 500 {
		pool.For(size, func(_, i int) {
			row := m[i*size : (i+1)*size]
			for k := range q {
				mq[k][i] = floats.Dot(row, q[k])
			}
		})
		h := mat.NewSymDense(wide, nil)
		for a := range wide {
			for b := a; b < wide; b++ {
				h.SetSym(a, b, floats.Dot(q[a], mq[b]))
			}
		}
		var e mat.EigenSym
		if !e.Factorize(h, true) {
			return nil, nil, fmt.Errorf("probe: map: the principal components of [%d,%d] moments do not converge", size, size)
		}
		var w mat.Dense
		e.VectorsTo(&w)
		ascending, moved := e.Values(nil), 0.0
		vectors = nil
		for c := range values {
			v := ascending[wide-1-c]
			moved = max(moved, math.Abs(v-values[c]))
			values[c] = v
			u := make([]float64, size)
			for k := range wide {
				for i, t := range q[k] {
					u[i] += t * w.At(k, wide-1-c)
				}
			}
			vectors = append(vectors, u)
		}
		if moved <= 1e-13*values[0] {
			break
		}
		for k := range q {
			copy(q[k], mq[k])
		}
		orthonormal(q)
	}
	return values, vectors, nil
}

// orthonormal makes rows orthonormal by Gram and Schmidt's method, twice over; a row
// that the others span becomes zero.
func orthonormal(q [][]float64) {
	for k := range q {
		before := norm(q[k])
		for range 2 {
			for j := range k {
				along := floats.Dot(q[j], q[k])
				for i := range q[k] {
					q[k][i] -= along * q[j][i]
				}
			}
		}
		n := norm(q[k])
		for i := range q[k] {
			if n > 1e-12*before {
				q[k][i] /= n
			} else {
				q[k][i] = 0
			}
		}
	}
}
