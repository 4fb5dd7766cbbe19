package knn

import "memprobe/internal/kernel/nearest"

// Rows are the vectors of a bank.
type Rows interface {
	// Row returns vector i, the same at each call, which may be at once. It lies in dst, which has
	// its length, or in memory that does not change.
	Row(dst []float32, i int) []float32
}

// matrix is a bank in memory: rows of d elements.
type matrix struct {
	data []float32
	d    int
}

func (m matrix) Row(_ []float32, i int) []float32 { return m.data[i*m.d : (i+1)*m.d] }

// scratch is room for a row of the bank; nil where rows lie in memory.
func (x *Index) scratch() []float32 {
	if _, ok := x.bank.(matrix); ok {
		return nil
	}
	return make([]float32, x.d)
}

// fetcher is implemented by rows that know where the memory of a row lies.
type fetcher interface {
	Fetch(i int) // asks for row i, which is read soon
}

func (m matrix) Fetch(i int) { nearest.Prefetch(m.Row(nil, i)) }

// prefetch asks for row i of the bank, which is read soon, where it lies in memory.
func (x *Index) prefetch(i int) {
	if f, ok := x.bank.(fetcher); ok {
		f.Fetch(i)
	}
}
