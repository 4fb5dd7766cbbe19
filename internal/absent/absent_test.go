package absent

import (
	"fmt"
	"testing"
)

// asked is a test that keeps what it is told to do.
type asked struct {
	testing.TB
	skipped, failed string
}

func (a *asked) Helper()          {}
func (a *asked) Skip(args ...any) { a.skipped = fmt.Sprint(args...) }
func (a *asked) Fatal(args ...any) {
	a.failed = fmt.Sprint(args...)
	panic(a)
}

func TestSkip(t *testing.T) {
	t.Setenv("MEMPROBE_REQUIRE_ALL", "")
	a := &asked{TB: t}
	if Skip(a, "no %s", "gcc"); a.skipped != "SKIPPED: no gcc" || a.failed != "" {
		t.Errorf("skipped %q, failed %q", a.skipped, a.failed)
	}
	t.Setenv("MEMPROBE_REQUIRE_ALL", "1")
	a = &asked{TB: t}
	defer func() {
		if recover() != any(a) || a.failed != "no gcc" || a.skipped != "" {
			t.Errorf("skipped %q, failed %q", a.skipped, a.failed)
		}
	}()
	Skip(a, "no %s", "gcc")
}
