// Package absent leaves out tests for want of what a machine lacks: a program, a right, a
// package of the distribution.
package absent

import (
	"fmt"
	"os"
	"testing"
)

// Skip leaves the test out and says why, or fails it where $MEMPROBE_REQUIRE_ALL is set,
// as .ci/run does.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	why := fmt.Sprintf(format, args...)
	if os.Getenv("MEMPROBE_REQUIRE_ALL") != "" {
		t.Fatal(why)
	}
	t.Skip("SKIPPED: " + why)
}
