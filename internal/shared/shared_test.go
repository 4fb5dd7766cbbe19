package shared

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// asked is a test that keeps what it is told to do, and ends there.
type asked struct {
	testing.TB
	skipped, failed string
}

func (a *asked) Helper() {}
func (a *asked) Skipf(format string, args ...any) {
	a.skipped = fmt.Sprintf(format, args...)
	panic(a)
}
func (a *asked) Fatalf(format string, args ...any) {
	a.failed = fmt.Sprintf(format, args...)
	panic(a)
}

func TestPath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("MEMPROBE_SHARED", filepath.Dir(dir))
	if got := Path(t, filepath.Base(dir)); got != dir {
		t.Errorf("%s, want %s", got, dir)
	}
	for _, require := range []string{"", "1"} {
		t.Setenv("MEMPROBE_REQUIRE_SHARED", require)
		a := &asked{TB: t}
		func() {
			defer func() { recover() }()
			Path(a, "none", "such")
		}()
		said, other := a.skipped, a.failed
		if require != "" {
			said, other = other, said
		}
		if !strings.Contains(said, filepath.Join("none", "such")) || other != "" {
			t.Errorf("required %q: skipped %q, failed %q", require, a.skipped, a.failed)
		}
	}
}
