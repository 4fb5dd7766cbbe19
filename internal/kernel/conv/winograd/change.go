package winograd

import "memprobe/internal/kernel/ref"

// change is a change of basis of F(m×m, 3×3).
type change struct {
	m  int
	of ref.Change
	l  [][]float64
}

func newChange(m int, of ref.Change) change { return change{m, of, of.Matrix(m)} }
