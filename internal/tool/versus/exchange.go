package main

import (
	"runtime"
	"sync/atomic"
	"time"
)

// exchange is the time in nanoseconds in which a cache line goes from one thread to another and
// back: about 100 where their cores share a cache, several times as long where they do
// not. Virtual machines are moved between such cores while they run, and what two threads
// gain depends on it. It is 0 on one core, where the two would wait for each other's turn to run.
func exchange() float64 {
	if runtime.GOMAXPROCS(0) < 2 {
		return 0
	}
	const turns, rounds = 10_000, 5
	best := time.Duration(0)
	for range rounds { // the others may have waited for a core
		var turn atomic.Int32
		answered := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for range turns {
				for turn.Load() == 0 {
				}
				turn.Store(0)
			}
			close(answered)
		}()
		began := time.Now()
		for range turns {
			turn.Store(1)
			for turn.Load() == 1 {
			}
		}
		took := time.Since(began)
		<-answered
		if best == 0 || took < best {
			best = took
		}
	}
	return float64(best.Nanoseconds()) / turns
}
