// Package grace bounds the time from a signal to the end of a process. What asks its
// context returns within milliseconds; the rest is cut off after Period, except where
// something worth keeping is about to be written.
package grace

import (
	"sync"
	"time"
)

// Period is what a process has to end by itself. With the time that the system takes to
// get the memory back, it makes less than a second.
const Period = 700 * time.Millisecond

// keeping is read-locked by those who hold the process.
var keeping sync.RWMutex

// Hold keeps the process from being cut off until release is called, by whoever asks
// its context and writes down on the way out what must not be lost. Holds do not nest.
func Hold() (release func()) {
	keeping.RLock()
	return keeping.RUnlock
}

// Wait returns when the period is over and nobody holds the process. No hold begins
// after it: the process is to be ended.
func Wait() {
	time.Sleep(Period)
	keeping.Lock()
}
