package tile

import (
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

func TestSumRows(t *testing.T) {
	for n := 1; n < 150; n++ {
		rows := n%5 + 1
		a, b := kerneltest.Noise(rows*(n+2), 1), kerneltest.Noise(rows*(n+1), 2)
		got, want := kerneltest.Noise(rows*(n+3), 3), kerneltest.Noise(rows*(n+3), 3)
		s := ref.RowSums{A: &a[0], B: &b[0], LDA: n + 2, LDB: n + 1, LDD: n + 3, Rows: rows, N: n, Minus: n&1 != 0}
		s.Dst = &got[0]
		SumRows(&s)
		s.Dst = &want[0]
		ref.SumRows(&s)
		if err := tol.Close(got, want, 0, 0); err != nil {
			t.Fatalf("%d rows of %d: %v", rows, n, err)
		}
		kerneltest.Intact(t, got)
	}
}

func TestJoinQuarters(t *testing.T) {
	for rows := 1; rows < 9; rows++ {
		for _, inPlace := range []bool{false, true} {
			join := func(f func(*ref.Quarters)) []float32 {
				m, c := kerneltest.Noise(7*rows*NR, 1), kerneltest.Noise(4*rows*NR, 2)
				bias, residual := kerneltest.Noise(2*NR, 3), kerneltest.Noise(4*rows*NR, 4)
				at := func(x []float32, i int) *float32 { return &x[i*rows*NR] }
				q := ref.Quarters{M: &m[0], LDM: rows * NR, Rows: rows, LD1: NR, LD2: NR, Lo: -0.5, Hi: 1.5}
				if inPlace {
					q.C11, q.C12, q.C21, q.C22 = at(m, 0), at(m, 1), at(m, 2), at(m, 3)
					f(&q)
					kerneltest.Intact(t, m)
					return m[:4*rows*NR]
				}
				q.C11, q.C12, q.C21, q.C22 = at(c, 0), at(c, 1), at(c, 2), at(c, 3)
				q.R11, q.R12, q.R21, q.R22 = at(residual, 0), at(residual, 1), at(residual, 2), at(residual, 3)
				q.Bias1, q.Bias2 = &bias[0], &bias[NR]
				f(&q)
				kerneltest.Intact(t, c)
				return c
			}
			if err := tol.Close(join(JoinQuarters), join(ref.JoinQuarters), 0, 0); err != nil {
				t.Fatalf("%d rows, in place %v: %v", rows, inPlace, err)
			}
		}
	}
}
