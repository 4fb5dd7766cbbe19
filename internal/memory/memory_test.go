package memory

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
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
	for bytes, want := range map[int64]string{3 << 19: "1.5 MiB", 5 << 29: "2.5 GiB"} {
		if got := String(bytes); got != want {
			t.Errorf("%d bytes are %q, want %q", bytes, got, want)
		}
	}
}
