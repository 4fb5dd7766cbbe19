package ops_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/shared"
	"memprobe/onnx/onnxtest"
)

// passing is the list of ONNX's cases that pass.
var passing = filepath.Join("..", "onnxtest", "testdata", "passing.txt")

// lines reads a list: a line an entry, # begins a comment.
func lines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

// ONNX's backend tests by an allow list: what passing.txt lists passes; what it
// does not list fails, for a reason in excluded.txt. A case that newly passes is
// to be added. With MEMPROBE_UPDATE=1 passing.txt is written anew.
func TestONNXBackendCases(t *testing.T) {
	var cases []onnxtest.NodeCase
	for _, kind := range []string{"node", "simple"} {
		found, err := onnxtest.NodeCases(shared.Path(t, "onnx-backend-tests", kind))
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, found...)
	}
	listed := lines(t, passing)
	reasons, err := onnxtest.Exclusions()
	if err != nil {
		t.Fatal(err)
	}
	used := map[onnxtest.Exclusion]bool{}
	var pass []string
	for _, c := range cases {
		err := c.Run()
		switch allowed := slices.Contains(listed, c.String()); {
		case err == nil:
			pass = append(pass, c.String())
			if !allowed {
				t.Errorf("%s passes: list it in passing.txt", c)
			}
		case allowed:
			t.Errorf("%s: %v", c, err)
		default:
			failure := fmt.Sprintf("%s: %v", c, err)
			i := slices.IndexFunc(reasons, func(e onnxtest.Exclusion) bool { return e.Explains(failure) })
			if i < 0 {
				t.Errorf("%s fails for none of the reasons in excluded.txt: %v", c, err)
				continue
			}
			used[reasons[i]] = true
		}
	}
	for _, r := range reasons {
		if !used[r] {
			t.Errorf("excluded.txt: no case fails with %q that no earlier line has", r.Text)
		}
	}
	if len(pass) < len(listed) {
		t.Errorf("passing.txt lists %d cases, %d pass", len(listed), len(pass))
	}
	if os.Getenv("MEMPROBE_UPDATE") != "" {
		slices.Sort(pass)
		if err := os.WriteFile(passing, []byte(strings.Join(pass, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
