// Package parallel runs loops over a fixed set of persistent workers.
//
// Work is cut into chunks by the caller, never by the number of threads, and a
// chunk's result may depend on its index alone. So the bits of a result are the
// same for any number of threads. Partial sums go into a slot per chunk and are
// added in chunk order afterwards.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Pool is a set of persistent workers. The zero value is not usable; a nil
// *Pool runs everything on the caller.
type Pool struct {
	threads int
	mu      sync.Mutex // held by the loop in flight

	body    func(worker, chunk int)
	chunks  int64
	next    atomic.Int64
	pending atomic.Int32
	epoch   atomic.Uint32
	closed  atomic.Bool
	workers []*worker
}

type worker struct {
	parked atomic.Bool
	wake   chan struct{}
}

// spins is how often an idle worker looks for work before it sleeps: about
// 20 µs, longer than the gap between two steps of a plan, shorter than any
// wait that another process would notice.
const spins = 4000

// New starts a pool of the given number of threads, the caller's included;
// threads < 1 means one for each CPU that Go may use.
func New(threads int) *Pool {
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &Pool{threads: threads}
	for i := 1; i < threads; i++ {
		w := &worker{wake: make(chan struct{}, 1)}
		p.workers = append(p.workers, w)
		go p.serve(w, i)
	}
	return p
}

// Threads is the number of goroutines that share a loop, the caller included.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return p.threads
}

// Close ends the workers. The pool must be idle.
func (p *Pool) Close() {
	if p == nil || p.closed.Swap(true) {
		return
	}
	p.epoch.Add(1)
	p.wakeAll()
}

// For calls body(worker, chunk) once for every chunk in [0, chunks) and returns
// when all have returned. worker in [0, Threads()) tells concurrent calls apart,
// so that each can have scratch memory of its own. Which worker gets which chunk
// is not fixed. A loop started while another is in flight, from inside a body
// or from another goroutine, runs on its caller alone, as worker 0: its body
// must not share per-worker scratch with the loop in flight.
//
// For does not allocate; a caller that must not either keeps its body in a
// variable made once.
func (p *Pool) For(chunks int, body func(worker, chunk int)) {
	if chunks <= 1 || p == nil || p.threads == 1 || !p.mu.TryLock() {
		for i := range chunks {
			body(0, i)
		}
		return
	}
	defer p.mu.Unlock()
	p.body, p.chunks = body, int64(chunks)
	p.next.Store(0)
	p.pending.Store(int32(len(p.workers)))
	p.epoch.Add(1)
	p.wakeAll()
	p.drain(0)
	for i := 0; p.pending.Load() != 0; i++ {
		if i&63 == 63 {
			runtime.Gosched()
		}
	}
	p.body = nil
}

func (p *Pool) drain(worker int) {
	body, n := p.body, p.chunks
	for {
		i := p.next.Add(1) - 1
		if i >= n {
			return
		}
		body(worker, int(i))
	}
}

func (p *Pool) wakeAll() {
	for _, w := range p.workers {
		if w.parked.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
}

func (p *Pool) serve(w *worker, id int) {
	var seen uint32
	for {
		for i := 0; p.epoch.Load() == seen; i++ {
			if i < spins {
				if i&255 == 255 {
					runtime.Gosched()
				}
				continue
			}
			w.parked.Store(true)
			// The epoch may have moved before the flag was up; whoever
			// lowers the flag first decides whether a token is on its way.
			if p.epoch.Load() != seen && w.parked.CompareAndSwap(true, false) {
				break
			}
			<-w.wake
		}
		seen++
		if p.closed.Load() {
			return
		}
		p.drain(id)
		p.pending.Add(-1)
	}
}

// Chunks returns the number of chunks of the given size that cover n items.
func Chunks(n, size int) int { return (n + size - 1) / size }

// Range returns the items [lo, hi) of a chunk.
func Range(chunk, size, n int) (lo, hi int) {
	lo = chunk * size
	return lo, min(lo+size, n)
}
