package memory

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestFree(t *testing.T) {
	free, known := Free()
	if known != (runtime.GOOS == "linux") {
		t.Fatalf("known is %v on %s", known, runtime.GOOS)
	}
	if known && (free < 1<<20 || free > 1<<50) {
		t.Errorf("%d bytes are free", free)
	}
}

func TestFields(t *testing.T) {
	path := filepath.Join(t.TempDir(), "memory.stat")
	if err := os.WriteFile(path, []byte("anon 5\ninactive_file 7\nactive_file 30\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, ok := fields(path, "", "inactive_file", "active_file"); n != 37 || !ok {
		t.Errorf("sum is %d, %v, want 37", n, ok)
	}
	if _, ok := fields(path, "", "swap"); ok {
		t.Error("found a field that is not there")
	}
}

func TestString(t *testing.T) {
	for bytes, want := range map[int64]string{3 << 19: "1.5 MiB", 5 << 29: "2.5 GiB", 1 << 60: "over 1 PiB"} {
		if got := String(bytes); got != want {
			t.Errorf("%d bytes are %q, want %q", bytes, got, want)
		}
	}
}

func TestGroups(t *testing.T) {
	var dirs []string
	for _, g := range groups("5:cpu,memory:/a/b\n3:cpuset:/\n0::/c\nnonsense\n") {
		dirs = append(dirs, filepath.Join(g.dir, g.limit))
	}
	want := []string{
		"/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
		"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/c/memory.max", "/sys/fs/cgroup/memory.max",
	}
	if !slices.Equal(dirs, want) {
		t.Errorf("groups %q, want %q", dirs, want)
	}
}

func TestNeed(t *testing.T) {
	defer SetLimit(0)
	SetLimit(256 << 20)
	if err := Need("a little", 16<<20); err != nil {
		t.Error(err)
	}
	err := Need("a lot", 1<<30)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Need != 1<<30 || e.Left <= 0 || e.Left >= 256<<20 {
		t.Fatalf("%v", err)
	}
	if Need("a product that overflowed", -8) == nil {
		t.Error("a negative number of bytes fits")
	}
	held := make([]byte, 180<<20)
	if Need("what is in use does not count", 64<<20) == nil {
		t.Error("64 MiB fit beside 180 of 256")
	}
	runtime.KeepAlive(held)
	held = nil
	if err := Need("garbage counts", 64<<20); err != nil {
		t.Error(err)
	}
	var small error
	var pieces [][]byte
	for range 1000 {
		if small = Need("a piece", 512<<10); small != nil {
			break
		}
		pieces = append(pieces, make([]byte, 512<<10))
	}
	if small == nil || len(pieces) < 50 {
		t.Errorf("%d pieces of 512 KiB, %v", len(pieces), small)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{"2GiB": 2 << 30, "1.5M": 3 << 19, "10MB": 1e7, "4096": 4096} {
		var s Size
		if err := s.Set(text); err != nil || int64(s) != want {
			t.Errorf("%s is %d, %v, want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"", "GiB", "-1", "1e30", "2XB", "0", "9999999999TiB", "NaN"} {
		if s := new(Size); s.Set(text) == nil {
			t.Errorf("%q is %d", text, *s)
		}
	}
	for n, want := range map[Size]string{0: "", 2 << 30: "2GiB", 3 << 20: "3MiB", 7: "7"} {
		if got := n.String(); got != want {
			t.Errorf("%d prints as %q, want %q", int64(n), got, want)
		}
	}
}

// A control group without a limit leaves all there is, also where the kernel counts more
// pages of files than it counts as used.
func TestRoomOfAControlGroup(t *testing.T) {
	const none = math.MaxInt64 &^ 4095
	for _, c := range []struct{ limit, used, cached, want int64 }{
		{none, 100 << 20, 60 << 20, none - 40<<20},
		{none, 60 << 20, 100 << 20, none},
		{1 << 30, 900 << 20, 800 << 20, 924 << 20},
		{1 << 30, 60 << 20, 100 << 20, 1 << 30},
		{1 << 30, 2 << 30, 1 << 20, 0},
	} {
		if got := room(c.limit, c.used, c.cached); got != c.want {
			t.Errorf("limit %d, used %d, cached %d: %d are left, want %d", c.limit, c.used, c.cached, got, c.want)
		}
	}
}

// Holders that do not fit side by side come one after the other; one that does not fit
// alone is refused.
func TestHold(t *testing.T) {
	defer SetLimit(0)
	SetLimit(256 << 20)
	if _, err := Hold("a lot", 1<<30); err == nil {
		t.Error("1 GiB fits into 256 MiB")
	}
	const holders, each = 8, 80 << 20
	var now, most atomic.Int64
	var group sync.WaitGroup
	for range holders {
		group.Go(func() {
			release, err := Hold("a picture", each)
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Millisecond)
			now.Add(-1)
		})
	}
	group.Wait()
	if n := most.Load(); n < 1 || n > 2 {
		t.Errorf("%d of 80 MiB were held at a time in 256 MiB", n)
	}
}
