//go:build unix

package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// peakRSS is the most memory that the process has held, in bytes.
func peakRSS() int64 {
	// Linux hands ru_maxrss on from the program that called exec.
	if peak := statusBytes("VmHWM:"); peak > 0 {
		return peak
	}
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss)
	}
	return int64(u.Maxrss) << 10
}
