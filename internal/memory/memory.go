// Package memory is the budget of a process: whoever is about to allocate what a
// file or a flag decides asks first, so that what does not fit is an error that
// says how much, and not the end of the process.
//
// There is one budget because a process has one memory. Nothing is given back:
// what is in use is read from the runtime each time, so that garbage and what
// nobody asked for count as well.
package memory

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"

	"memprobe/internal/show"
)

const (
	// shareLeft is the part of what the machine and the control group leave at
	// the start that a process takes without being told, in percent.
	shareLeft = 80
	// reserve is kept for allocations too small to be asked for.
	reserve = 64 << 20
	// granule is how much may be asked for in small pieces between two looks at
	// what is in use.
	granule = 1 << 20
)

// budget is the limit that was set, 0 for none, and what was asked for in small
// pieces since the last look.
var budget struct{ limit, pieces atomic.Int64 }

// byDefault is the budget of a process that was not told one.
var byDefault = sync.OnceValue(func() int64 {
	free, known := Free()
	if !known {
		return math.MaxInt64
	}
	return usage().held + free/100*shareLeft
})

// SetLimit sets the bytes that the process may hold, weights, images and results
// together; 0 stands for 80 % of what the machine and the control group leave when
// the process starts. The collector then keeps garbage within the budget, and
// within the process's limits (ulimit -v, -d) too.
func SetLimit(bytes int64) {
	budget.limit.Store(bytes)
	soft := limit()
	if left, limited := space(); limited {
		soft = min(soft, usage().held+left-reserve)
	}
	debug.SetMemoryLimit(max(soft, reserve))
}

func limit() int64 {
	if l := budget.limit.Load(); l > 0 {
		return l
	}
	return byDefault()
}

// Error is an allocation that does not fit.
type Error struct {
	What       string // what it is for
	Need, Left int64  // bytes
	Advice     string // what would fit, where that is known
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s would take %s of memory, and %s are left", e.What, String(e.Need), String(e.Left))
	if e.Advice != "" {
		text += "; " + e.Advice
	}
	return show.Line(text)
}

// Need returns an Error if the given bytes do not fit into what is left. It is
// asked before the allocation, however small: small ones are counted together.
func Need(what string, bytes int64) error {
	if bytes < granule && bytes >= 0 {
		if budget.pieces.Add(bytes) < granule {
			return nil
		}
		bytes = max(bytes, budget.pieces.Swap(0))
	}
	if bytes >= 0 && bytes <= Left() {
		return nil
	}
	if bytes < 0 {
		bytes = math.MaxInt64 // a product that overflowed
	}
	runtime.GC() // what is in use may be garbage
	left := Left()
	if bytes <= left {
		return nil
	}
	return &Error{What: what, Need: bytes, Left: left}
}

// Product is the number of bytes of sizes multiplied, negative where it overflows.
func Product(sizes ...int) int64 {
	total := int64(1)
	for _, s := range sizes {
		if s != 0 && total > math.MaxInt64/int64(s) {
			return -1
		}
		total *= int64(s)
	}
	return total
}

// Left is how many more bytes the process may take.
func Left() int64 {
	u := usage()
	left := limit() - u.held
	if room, limited := space(); limited {
		left = min(left, max(room, u.idle/2)) // what lies idle may be in pieces
	}
	return max(0, left-reserve)
}

// use is what the runtime has from the system.
type use struct {
	held int64 // in use, garbage included
	idle int64 // of the heap, to be used again
}

func usage() use {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(s)
	idle := int64(s[1].Value.Uint64() + s[2].Value.Uint64())
	return use{held: int64(s[0].Value.Uint64()) - idle, idle: idle}
}

// String writes a number of bytes for people.
func String(bytes int64) string {
	switch {
	case bytes < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	case bytes < 1<<50:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	}
	return "over 1 PiB"
}

// GiveBack collects what is garbage and, where SetLimit set a budget, has the system take
// back what lies idle then, which counts as the process's otherwise until it is used again.
// Who is done with much memory calls it before others ask for theirs.
func GiveBack() {
	if budget.limit.Load() > 0 {
		debug.FreeOSMemory()
		return
	}
	runtime.GC()
}
