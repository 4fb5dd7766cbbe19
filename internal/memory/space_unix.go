//go:build unix

package memory

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// space is how much more address space and data the process's own limits
// (RLIMIT_AS, RLIMIT_DATA) leave, where there are any that can be measured.
func space() (left int64, limited bool) {
	for _, l := range []struct{ resource, field int }{{unix.RLIMIT_AS, 0}, {unix.RLIMIT_DATA, 5}} {
		var limit unix.Rlimit
		if unix.Getrlimit(l.resource, &limit) != nil || uint64(limit.Cur) > 1<<62 {
			continue
		}
		pages, ok := statm(l.field)
		if !ok {
			continue
		}
		room := max(0, int64(limit.Cur)-pages*int64(os.Getpagesize()))
		if !limited || room < left {
			left, limited = room, true
		}
	}
	return left, limited
}

// statm reads a number of pages from /proc/self/statm: 0 is the address space, 5
// data and stack.
func statm(field int) (pages int64, ok bool) {
	text, err := os.ReadFile("/proc/self/statm")
	words := strings.Fields(string(text))
	if err != nil || len(words) <= field {
		return 0, false
	}
	pages, err = strconv.ParseInt(words[field], 10, 64)
	return pages, err == nil
}
