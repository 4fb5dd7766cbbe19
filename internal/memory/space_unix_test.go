//go:build linux

package memory

import (
	"testing"

	"golang.org/x/sys/unix"

	"memprobe/internal/absent"
)

// The process's own limits leave what it does not use of them.
func TestSpaceWithinLimits(t *testing.T) {
	if _, limited := space(); limited {
		absent.Skip(t, "the process is limited already")
	}
	for _, resource := range []int{unix.RLIMIT_AS, unix.RLIMIT_DATA} {
		var old unix.Rlimit
		if err := unix.Getrlimit(resource, &old); err != nil {
			t.Fatal(err)
		}
		const limit = 1 << 42 // more than the process takes
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: old.Max}); err != nil {
			t.Fatal(err)
		}
		left, limited := space()
		if err := unix.Setrlimit(resource, &old); err != nil {
			t.Fatal(err)
		}
		if !limited || left >= limit || left < limit/2 {
			t.Errorf("resource %d: %d of %d left, limited is %v", resource, left, int64(limit), limited)
		}
	}
	if _, ok := statm(99); ok {
		t.Error("found a field that is not there")
	}
}
