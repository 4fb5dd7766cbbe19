package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/probe/result"
)

// A folder with a bracket in its name, two seeds, and a copy of one.
func TestSeedsAndCopies(t *testing.T) {
	root := filepath.Join(t.TempDir(), "runs [lr=0.1]*")
	for seed, name := range []string{"a[0-9]", "b"} {
		outline{dir: name, config: map[string]any{"seed": float64(seed)}, epochs: 20, of: 20, fit: 0.95, probe: 0.5 + 0.1*float64(seed), word: "malign"}.write(t, root)
	}
	if err := os.CopyFS(filepath.Join(root, "copy"), os.DirFS(filepath.Join(root, "b"))); err != nil {
		t.Fatal(err)
	}
	c, err := Collect(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Entries) != 2 || len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "the same run as") {
		t.Errorf("%d entries, notes %q; want two, and a note about the copy", len(c.Entries), c.Notes)
	}
	for i, want := range []string{" (seed 0): malign", " (seed 1): malign"} {
		if s := c.Entries[i].Sentence(); !strings.Contains(s, want) {
			t.Errorf("sentence %q, want %q in it", s, want)
		}
		if len(c.Entries[i].Probes) != 3 {
			t.Errorf("%s has %d probes, want 3", c.Entries[i].Path, len(c.Entries[i].Probes))
		}
	}
	c.Entries[0].last().Verdict.CI = result.Interval{-0.2, 0.01}
	var b strings.Builder
	if err := c.Table(false).Write(&b, "csv"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "margin 95 %") || !strings.Contains(b.String(), "-0.328 to 0.948") {
		t.Errorf("the table of grouped runs has no interval:\n%s", b.String())
	}
}

func TestClassNames(t *testing.T) {
	for name, want := range map[string]string{"Äpfel": "Äpfel", "щука": "щука", "猫": "7", "cat 🐈": "7", "": ""} {
		if got := className(name, 7); got != want {
			t.Errorf("%q is drawn as %q, want %q", name, got, want)
		}
	}
}
