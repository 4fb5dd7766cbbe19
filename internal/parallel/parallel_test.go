package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"memprobe/internal/fault"
)

func TestForVisitsEveryChunkOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		p := New(threads)
		for round := range 2000 {
			n := round % 97
			seen := make([]atomic.Int32, n)
			p.For(n, func(worker, chunk int) {
				if worker < 0 || worker >= threads {
					t.Errorf("worker %d of %d", worker, threads)
				}
				seen[chunk].Add(1)
			})
			for i := range seen {
				if c := seen[i].Load(); c != 1 {
					t.Fatalf("threads %d: chunk %d ran %d times", threads, i, c)
				}
			}
			if round%500 == 0 {
				time.Sleep(time.Millisecond) // let the workers park
			}
		}
		p.Close()
	}
}

func TestNestedForRunsInline(t *testing.T) {
	p := New(2)
	defer p.Close()
	var n atomic.Int32
	p.For(8, func(_, _ int) { p.For(8, func(_, _ int) { n.Add(1) }) })
	if n.Load() != 64 {
		t.Fatalf("ran %d bodies, want 64", n.Load())
	}
}

func TestForDoesNotAllocate(t *testing.T) {
	p := New(2)
	defer p.Close()
	var n atomic.Int64
	body := func(_, chunk int) { n.Add(int64(chunk)) }
	if a := testing.AllocsPerRun(100, func() { p.For(64, body) }); a != 0 {
		t.Fatalf("For allocates %v times a call", a)
	}
}

// A panic in any worker is the caller's, and the pool goes on.
func TestPanicOfABodyIsTheCallers(t *testing.T) {
	p := New(4)
	defer p.Close()
	for range 50 {
		for bad := range 8 {
			func() {
				defer func() {
					if e, ok := recover().(*fault.Internal); !ok || e.What != "chunk" {
						t.Errorf("recovered %v", e)
					}
				}()
				p.For(8, func(_, chunk int) {
					if chunk == bad {
						panic("chunk")
					}
				})
			}()
		}
	}
	var sum atomic.Int64
	p.For(100, func(_, chunk int) { sum.Add(int64(chunk)) })
	if sum.Load() != 4950 {
		t.Errorf("the sum is %d", sum.Load())
	}
}

// A loop ends soon after its Pool is stopped; those of others with the same workers,
// and its own after the stop is lifted, do all chunks.
func TestUntil(t *testing.T) {
	const chunks = 1000
	for _, threads := range []int{0, 1, 3} {
		var p *Pool
		if threads > 0 {
			p = New(threads)
			defer p.Close()
		}
		own := p.Stoppable()
		stop := make(chan struct{})
		own.Until(stop)
		var done atomic.Int32
		own.For(chunks, func(_, _ int) {
			if done.Add(1) == 10 {
				close(stop)
			}
		})
		if n := done.Load(); n < 10 || n > 10+int32(threads) {
			t.Errorf("%d threads: %d chunks were done", threads, n)
		}
		count := func(p *Pool) int32 {
			var n atomic.Int32
			p.For(chunks, func(_, _ int) { n.Add(1) })
			return n.Load()
		}
		if a, b := count(own), count(p); a != 0 || b != chunks {
			t.Errorf("%d threads: a loop of one that is stopped does %d chunks, another's %d", threads, a, b)
		}
		own.Until(nil)
		if n := count(own); n != chunks {
			t.Errorf("%d threads: %d chunks after the stop is lifted", threads, n)
		}
	}
}

// Loops use as many threads as the limit allows when they begin, and do all chunks
// while it changes.
func TestLimit(t *testing.T) {
	p := New(4)
	defer p.Close()
	for _, n := range []int{1, 3, 0, 9, 2, 4} {
		p.Limit(n)
		most := min(max(n, 1), 4)
		var together, peak, done atomic.Int32
		p.For(400, func(worker, _ int) {
			if worker >= most {
				t.Errorf("limit %d: worker %d", n, worker)
			}
			now := together.Add(1)
			for was := peak.Load(); now > was && !peak.CompareAndSwap(was, now); was = peak.Load() {
			}
			runtime.Gosched()
			together.Add(-1)
			done.Add(1)
		})
		if done.Load() != 400 || int(peak.Load()) > most {
			t.Errorf("limit %d: %d chunks of 400, %d at once", n, done.Load(), peak.Load())
		}
	}
	var changing sync.WaitGroup
	stop := make(chan struct{})
	changing.Go(func() {
		for i := 0; !stopped(stop); i++ {
			p.Limit(1 + i%4)
			runtime.Gosched()
		}
	})
	for range 2000 {
		var sum atomic.Int64
		if p.For(64, func(_, chunk int) { sum.Add(int64(chunk)) }); sum.Load() != 2016 {
			t.Fatalf("the sum is %d", sum.Load())
		}
	}
	close(stop)
	changing.Wait()
}

// No two workers have memory on one cache line, whatever the size of an element.
func TestApart(t *testing.T) {
	p := New(3)
	defer p.Close()
	for n := range 40 {
		apart(t, p, n, Apart[byte](p, n))
		apart(t, p, n, Apart[float64](p, n))
		apart(t, p, n, Apart[[24]byte](p, n))
	}
	if own := Apart[int](nil, 5); len(own) != 1 || len(own[0]) != 5 {
		t.Errorf("without a pool: %v", own)
	}
}

func apart[T any](t *testing.T, p *Pool, n int, own [][]T) {
	if len(own) != p.Threads() {
		t.Fatalf("%d pieces for %d workers", len(own), p.Threads())
	}
	lineOf := map[uintptr]int{}
	for worker, piece := range own {
		if len(piece) != n || cap(piece) != n {
			t.Fatalf("length %d, capacity %d, want %d", len(piece), cap(piece), n)
		}
		for i := range piece {
			first := uintptr(unsafe.Pointer(&piece[i]))
			for _, at := range []uintptr{first, first + unsafe.Sizeof(piece[i]) - 1} {
				if other, taken := lineOf[at/64]; taken && other != worker {
					t.Fatalf("%d elements of %T: workers %d and %d share a line", n, piece[i], other, worker)
				}
				lineOf[at/64] = worker
			}
		}
	}
}

func TestWant(t *testing.T) {
	for threads, want := range map[int]int{1: 1, 2: FewChunks, 8: 32} {
		p := New(threads)
		defer p.Close()
		if got := p.Want(); got != want {
			t.Errorf("%d threads want %d chunks, not %d", threads, got, want)
		}
	}
	if got := (*Pool)(nil).Want(); got != FewChunks {
		t.Errorf("without a pool %d chunks are wanted, not %d", got, FewChunks)
	}
}
