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

	"memprobe/internal/fault"
)

// Pool is a set of persistent workers. The zero value is not usable; a nil
// *Pool runs everything on the caller.
type Pool struct {
	*team
	stop <-chan struct{} // of this Pool's loops, see Until
}

// team is the workers of one or more Pools.
type team struct {
	threads int
	limit   atomic.Int32 // how many of the threads loops that begin use
	using   atomic.Int32 // how many the loop in flight does
	mu      sync.Mutex   // held by the loop in flight

	stop      <-chan struct{} // of the loop in flight
	body      func(worker, chunk int)
	stretches []stretch     // by worker
	state     atomic.Uint64 // epoch<<32 | open | number of workers inside
	closed    atomic.Bool
	waiting   atomic.Bool // the caller sleeps until the last worker is out
	done      chan struct{}

	panicked atomic.Pointer[fault.Internal] // the first panic of the loop in flight
	workers  []*worker
}

// open is set in the state while workers may join the loop. A worker that has not
// joined when the chunks run out need not: the caller waits for those inside
// alone, and not for a thread that another process keeps from its CPU.
const open = 1 << 31

func epochOf(state uint64) uint32 { return uint32(state >> 32) }

func inside(state uint64) uint64 { return state & (open - 1) }

// stretch is the chunks [lo, hi) that a worker has still to do, lo<<32 | hi, on a
// cache line of its own. Its owner takes them from the front, others from the back.
type stretch struct {
	span atomic.Uint64
	_    [56]byte
}

func (s *stretch) set(lo, hi int) { s.span.Store(uint64(lo)<<32 | uint64(hi)) }

// take takes the first chunk or the last; ok is false if there is none.
func (s *stretch) take(last bool) (chunk int, ok bool) {
	for {
		span := s.span.Load()
		lo, hi := span>>32, span&(1<<32-1)
		if lo >= hi {
			return 0, false
		}
		chunk, rest := lo, (lo+1)<<32|hi
		if last {
			chunk, rest = hi-1, lo<<32|(hi-1)
		}
		if s.span.CompareAndSwap(span, rest) {
			return int(chunk), true
		}
	}
}

type worker struct {
	parked atomic.Bool
	wake   chan struct{}
}

// spins is how often an idle worker looks for work, and a caller for the end of
// others' chunks, before it sleeps: about a quarter of a millisecond. To wake a
// sleeper takes longer than most steps of a plan (50 µs and more on a virtual
// machine), so it must outlast the steps that are not shared.
const spins = 200_000

// New starts a pool of the given number of threads, the caller's included;
// threads < 1 means one for each CPU that Go may use.
func New(threads int) *Pool {
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &team{threads: threads, stretches: make([]stretch, threads), done: make(chan struct{}, 1)}
	p.limit.Store(int32(threads))
	for i := 1; i < threads; i++ {
		w := &worker{wake: make(chan struct{}, 1)}
		p.workers = append(p.workers, w)
		go p.serve(w, i)
	}
	return &Pool{team: p}
}

// Stoppable returns a Pool of the same workers, or of the caller alone, whose loops
// can be stopped by Until without those of p.
func (p *Pool) Stoppable() *Pool {
	if p == nil {
		return &Pool{team: &team{threads: 1}} // its limit of 0 is that of one
	}
	return &Pool{team: p.team}
}

// Until has the loops of p that begin later leave out the chunks that are left once
// stop is closed, so that what they compute is to be dropped; nil stops none. p must
// be idle, and have been made by Stoppable.
func (p *Pool) Until(stop <-chan struct{}) { p.stop = stop }

// stopped reports whether a loop is to end early.
func stopped(stop <-chan struct{}) bool {
	select {
	case <-stop: // never, if it is nil
		return true
	default:
		return false
	}
}

// Limit has the loops that begin later, of all Pools of p's workers, use n of its
// threads, at least 1 and at most all: the others sleep. It may be called at any time.
func (p *Pool) Limit(n int) {
	if p != nil {
		p.limit.Store(int32(min(max(n, 1), p.threads)))
	}
}

// Threads is the number of goroutines that share a loop at most, the caller included.
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
	p.state.Add(1 << 32)
	p.wake(p.threads)
}

// For calls body(worker, chunk) once for every chunk in [0, chunks) and returns
// when all have returned. Each worker begins with its own stretch of the chunks, the
// same in every loop of as many, so that it finds what it wrote in its own caches.
// worker in [0, Threads()) tells concurrent calls apart, so that each can have scratch
// memory of its own. Which worker gets which chunk is not fixed. A loop started while another is in flight, from inside a body
// or from another goroutine, runs on its caller alone, as worker 0: its body
// must not share per-worker scratch with the loop in flight.
//
// A panic of the body in any of several workers is one of For, with a *fault.Internal;
// some chunks may then not have been done.
//
// For does not allocate; a caller that must not either keeps its body in a
// variable made once.
func (p *Pool) For(chunks int, body func(worker, chunk int)) {
	if chunks <= 1 || p == nil || p.limit.Load() <= 1 || !p.mu.TryLock() {
		for i := range chunks {
			if p != nil && stopped(p.stop) {
				return
			}
			body(0, i)
		}
		return
	}
	defer p.mu.Unlock()
	n := int(p.limit.Load())
	p.using.Store(int32(n))
	p.body, p.team.stop = body, p.stop
	for i := range n {
		p.stretches[i].set(i*chunks/n, (i+1)*chunks/n)
	}
	p.state.Add(1<<32 | open)
	p.wake(n)
	p.work(0)
	p.state.Add(^uint64(open - 1)) // no longer open
	p.wait()
	p.body = nil
	if p.panicked.Load() != nil {
		panic(p.panicked.Swap(nil))
	}
}

// work is drain. What the body panics with is kept for the caller of For.
func (p *team) work(worker int) {
	defer func() {
		if r := recover(); r != nil {
			p.panicked.CompareAndSwap(nil, fault.Caught(r))
		}
	}()
	p.drain(worker)
}

// wait returns when no worker is inside the loop.
func (p *team) wait() {
	for i := 0; inside(p.state.Load()) != 0; i++ {
		if i < spins {
			if i&255 == 255 {
				runtime.Gosched()
			}
			continue
		}
		p.waiting.Store(true)
		// The last worker may have left before the flag was up; whoever
		// lowers the flag first decides whether a token is on its way.
		if inside(p.state.Load()) == 0 && p.waiting.CompareAndSwap(true, false) {
			return
		}
		<-p.done
	}
}

// drain does the worker's own stretch, then what is left of the others'.
func (p *team) drain(worker int) {
	body, stop, n := p.body, p.stop, int(p.using.Load())
	for k := range n {
		s := &p.stretches[(worker+k)%n]
		for i, ok := s.take(k > 0); ok && !stopped(stop); i, ok = s.take(k > 0) {
			body(worker, i)
		}
	}
}

// wake wakes the workers of a loop of n threads.
func (p *team) wake(n int) {
	for _, w := range p.workers[:n-1] {
		if w.parked.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
}

func (p *team) serve(w *worker, id int) {
	fault.CatchUnread()
	var seen uint32
	for i := 0; ; i++ {
		state := p.state.Load()
		switch {
		case p.closed.Load():
			return
		case epochOf(state) != seen && state&open != 0 && id < int(p.using.Load()):
			if p.state.CompareAndSwap(state, state+1) {
				p.work(id)
				p.leave()
				seen, i = epochOf(state), 0
			}
		case i < spins:
			if i&255 == 255 {
				runtime.Gosched()
			}
		default:
			p.park(w, state)
			i = 0
		}
	}
}

// leave takes a worker out of the loop.
func (p *team) leave() {
	if inside(p.state.Add(^uint64(0))) == 0 && p.waiting.CompareAndSwap(true, false) {
		p.done <- struct{}{}
	}
}

// park sleeps until the state is no longer the one given.
func (p *team) park(w *worker, state uint64) {
	w.parked.Store(true)
	// A loop may have begun before the flag was up; as in wait.
	if s := p.state.Load(); epochOf(s) != epochOf(state) && w.parked.CompareAndSwap(true, false) {
		return
	}
	<-w.wake
}

// Chunks returns the number of chunks of the given size that cover n items.
func Chunks(n, size int) int { return (n + size - 1) / size }

// Range returns the items [lo, hi) of a chunk.
func Range(chunk, size, n int) (lo, hi int) {
	lo = chunk * size
	return lo, min(lo+size, n)
}
