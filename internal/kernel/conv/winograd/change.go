package winograd

import "memprobe/internal/kernel/ref"

// change is a change of basis of a form.
type change struct {
	form ref.Form
	of   ref.Change
	l    [][]float64
}

func newChange(f ref.Form, of ref.Change) change { return change{f, of, of.Matrix(f)} }
