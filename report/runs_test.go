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
		outline{dir: name, config: map[string]any{"seed": float64(seed)}, epochs: 20, of: 20, fit: 0.95,
			probe: 0.5 + 0.1*float64(seed), word: "malign"}.write(t, root)
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
	if !strings.Contains(b.String(), "margin 95 % low,margin 95 % high") ||
		!strings.Contains(b.String(), ",-0.32813720859543233,0.9481372085954323,") {
		t.Errorf("the table of grouped runs has no interval:\n%s", b.String())
	}
}

func TestClassNames(t *testing.T) {
	for name, want := range map[string]string{"Äpfel": "Äpfel", "щука": "щука", "猫": "7", "cat 🐈": "7",
		"": ""} {
		if got := className(name, 7); got != want {
			t.Errorf("%q is drawn as %q, want %q", name, got, want)
		}
	}
}

// What is probed in several ways is not the same over again, and the table says which
// way it was.
func TestProbedInSeveralWays(t *testing.T) {
	root := t.TempDir()
	report := func(name string, change func(p *result.Probe)) {
		p := outline{probe: 0.5}.probed(1, 1)
		p.Model.SHA256, p.Config, p.Data.Spec = "m", map[string]any{"data": "mini", "train-limit": 0.0, "seed": 1.0}, "mini"
		change(p)
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := p.WriteFile(filepath.Join(root, name, "probe.json")); err != nil {
			t.Fatal(err)
		}
	}
	report("a", func(*result.Probe) {})
	report("again", func(*result.Probe) {})
	report("few", func(p *result.Probe) { p.Data.TrainLimit = 100 })
	report("scaled", func(p *result.Probe) {
		p.Settings.Normalize, p.Settings.Mean, p.Settings.Std = "mean/std", []float64{0.5}, []float64{0.25}
	})
	report("other scale", func(p *result.Probe) {
		p.Settings.Normalize, p.Settings.Mean, p.Settings.Std = "mean/std", []float64{0.5}, []float64{0.5}
	})
	report("hot", func(p *result.Probe) { p.Settings.Vote, p.Settings.Temperature = "softmax", 0.07 })
	c, err := Collect(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Entries) != 5 || len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "again") {
		t.Errorf("%d entries, notes %q; want five, and that one is a copy", len(c.Entries), c.Notes)
	}
	if got := strings.Join(c.Differs, " "); got != "probe.normalize probe.temperature probe.train-limit probe.vote" {
		t.Errorf("differ in %s", got)
	}
	if n := len(c.groups()); n != 5 {
		t.Errorf("%d rows, want 5", n)
	}
}

// What follows from how runs were trained is not told twice.
func TestProbedAsTrained(t *testing.T) {
	c := &Comparison{Entries: []*Entry{
		{Config: map[string]any{"normalize": "imagenet", "probe.normalize": "0.4 / 0.2"}},
		{Config: map[string]any{"normalize": "none", "probe.normalize": "none"}},
		{Config: map[string]any{"normalize": "none"}}, // never probed
	}}
	if got := strings.Join(c.differing(), " "); got != "normalize" {
		t.Errorf("differ in %s", got)
	}
}

// A link in a folder of runs leads to a run, or is named among what was left out.
func TestLinksToRuns(t *testing.T) {
	root := t.TempDir()
	outline{dir: "elsewhere/a", epochs: 20, of: 20}.write(t, root)
	outline{dir: "runs/b", config: map[string]any{"labels": "true"}, epochs: 20, of: 20}.write(t, root)
	for name, to := range map[string]string{"run": "../elsewhere/a", "folder": "../elsewhere", "nothing": "../missing",
		"round": "."} {
		if err := os.Symlink(to, filepath.Join(root, "runs", name)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Collect(filepath.Join(root, "runs"))
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(c.Notes, "\n")
	if len(c.Entries) != 2 || len(c.Notes) != 3 || !strings.Contains(notes, "nothing: a link that leads nowhere") ||
		!strings.Contains(notes, "round: a link to a folder") {
		t.Errorf("%d entries, notes\n%s", len(c.Entries), notes)
	}
}
