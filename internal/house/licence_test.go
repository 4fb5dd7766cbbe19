package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every module that go.mod requires stands in THIRD_PARTY.md with its licence, and
// nothing else does.
func TestThirdParty(t *testing.T) {
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	required := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:require )?\s*([a-z0-9.]+\.[a-z]+/\S+) v`).FindAllStringSubmatch(read("go.mod"), -1) {
		required[m[1]] = true
	}
	if len(required) == 0 {
		t.Fatal("go.mod requires nothing that this test can read")
	}
	listed := map[string]bool{}
	for line := range strings.Lines(read("THIRD_PARTY.md")) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(cells[1], "/") {
			continue
		}
		module := strings.TrimSpace(cells[1])
		listed[module] = true
		if !required[module] {
			t.Errorf("THIRD_PARTY.md lists %s, which go.mod does not require", module)
		}
		if strings.TrimSpace(cells[2]) == "" || strings.TrimSpace(cells[3]) == "" {
			t.Errorf("THIRD_PARTY.md: %s wants a licence and a use", module)
		}
	}
	for module := range required {
		if !listed[module] {
			t.Errorf("go.mod requires %s, which THIRD_PARTY.md does not list", module)
		}
	}
}
