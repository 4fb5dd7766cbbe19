package knn

import (
	"sync"

	"memprobe/internal/parallel"
)

// meter tells how far a pass over the bank is. A nil meter tells nothing.
type meter struct {
	mu          sync.Mutex
	done, total int // products of a row by a row
	rows        int // that look for neighbours
	tell        func(done, total int)
}

// newMeter is that of a pass for queries, the bank's own rows or both; nil are none.
func (x *Index) newMeter(of *search, own *leaveOneOut) *meter {
	if x.Progress == nil {
		return nil
	}
	t := &meter{tell: x.Progress}
	if of != nil {
		t.rows = len(of.square)
		t.total = t.rows * x.n
	}
	if own != nil {
		blocks := parallel.Chunks(x.n, blockRows)
		t.rows += x.n
		t.total += blocks * (blocks + 1) / 2 * blockRows * blockRows
	}
	return t
}

// add counts products that are done. It may be called by many at once.
func (t *meter) add(products int) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done += products
	t.tell(int(float64(t.rows)*(float64(t.done)/float64(t.total))), t.rows)
}
