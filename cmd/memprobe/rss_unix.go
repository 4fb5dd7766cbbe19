//go:build unix

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// peakRSS is the most memory that the process has held, in bytes.
func peakRSS() int64 {
	// Linux hands ru_maxrss on from the program that called exec.
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		var kib int64
		_, line, _ := strings.Cut(string(status), "VmHWM:")
		if _, err := fmt.Sscan(line, &kib); err == nil {
			return kib << 10
		}
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
