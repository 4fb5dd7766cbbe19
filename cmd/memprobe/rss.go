package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// statusBytes is a number of KiB that Linux tells of the process, in bytes; elsewhere 0.
func statusBytes(name string) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var kib int64
	_, line, _ := strings.Cut(string(status), name)
	if _, err := fmt.Sscan(line, &kib); err != nil {
		return 0
	}
	return kib << 10
}

// watchAnonymous looks every few milliseconds at how much memory is resident that is of no file.
// The function that it returns ends that and tells the most, or 0 where it is not known.
func watchAnonymous() func() int64 {
	stop, most := make(chan struct{}), int64(0)
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, statusBytes("RssAnon:"))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	return func() int64 {
		close(stop)
		done.Wait()
		return most
	}
}
