package sweep

import (
	"strings"
	"testing"
)

// Deep nesting would take the parser's stack, a level for each.
func TestDeepPlansAreRefused(t *testing.T) {
	for _, text := range []string{
		"grid: " + strings.Repeat("[", 1000), strings.Repeat("{a: ", 1000), strings.Repeat("- ", 1000),
		strings.Repeat("? ", 1000),
		strings.Repeat("#", maxPlan+1),
	} {
		if _, err := Parse("p.yaml", "p", []byte(text)); err == nil ||
			!strings.Contains(err.Error(), "deep") && !strings.Contains(err.Error(), "at most") {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if err := bounded([]byte("grid:\n  seed: [0, 1]\n  # a - b - c: [" + strings.Repeat("] [", 100) + "]\n")); err != nil {
		t.Error(err)
	}
}
