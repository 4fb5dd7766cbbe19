package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/probe/result"
)

// rowNames are the first cells of a table.
func rowNames(t *Table) []string {
	var out []string
	for _, r := range t.rows {
		out = append(out, r[0].String())
	}
	return out
}

// Groups by a key have a row for each of its values, the mean of all that agree in it,
// and say what else their runs differ by.
func TestGroupBy(t *testing.T) {
	c := variants(t)
	if err := c.GroupBy([]string{"labels"}); err != nil {
		t.Fatal(err)
	}
	table := c.Table(false)
	if got := strings.Join(table.Columns[:3], " "); got != "run labels verdict" ||
		table.Columns[len(table.Columns)-1] != "runs" {
		t.Errorf("columns %v", table.Columns)
	}
	if got := fmt.Sprint(rowNames(table)); got != "[random labels true labels]" {
		t.Errorf("rows %s", got)
	}
	i := 3 // probe: of random labels 0.13, 0.15, 0.27, 0.29, 0.29, 0.31, mean 0.24
	if v := table.rows[0][i]; table.Columns[i] != "probe" || v.n != 6 || fmt.Sprintf("%.6f", v.mean) != "0.240000" {
		t.Errorf("%s is %+v", table.Columns[i], v)
	}
	if n := table.rows[0][len(table.Columns)-1].String(); n != "6" {
		t.Errorf("%s runs, want 6", n)
	}
	if s := c.Entries[0].Sentence(); !strings.HasPrefix(s,
		"random labels (augment crop-flip, mixup 0, epochs 150, seed 0): ") {
		t.Errorf("a run is told as %q", s)
	}
	names := map[string]bool{}
	for _, e := range c.Entries {
		names[e.name()] = true
	}
	if len(names) != 8 {
		t.Errorf("%d names of 8 runs: %v", len(names), names)
	}
	var page bytes.Buffer
	if err := c.html(&page, table); err != nil || !strings.Contains(page.String(), "Means over all runs of one labels") {
		t.Errorf("the page does not say what its means are over (%v)", err)
	}
	if err := c.GroupBy([]string{"seed", "labels"}); err != nil || len(c.groups()) != 4 {
		t.Errorf("%d groups by seed and labels, %v", len(c.groups()), err)
	}
	if err := c.GroupBy([]string{"augmnet"}); err == nil || !strings.Contains(err.Error(), `"augmnet", want one of `) ||
		!strings.HasSuffix(err.Error(), "did you mean augment?") {
		t.Errorf("a key that is not there: %v", err)
	}
}

// Reports of runs know their seeds, and are rows of their settings; those of models that
// stand alone are rows of their own, told apart by their folders.
func TestReportsAreGrouped(t *testing.T) {
	root := t.TempDir()
	report := func(dir string, seed int, config map[string]any) {
		p := outline{probe: 0.3 + 0.02*float64(seed), word: result.Benign}.probed(0, 1)
		p.Epoch, p.Config = nil, config
		p.Model.Path, p.Model.SHA256 = "model.onnx", fmt.Sprint(dir, seed)
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := p.WriteFile(filepath.Join(root, dir, "probe.json")); err != nil {
			t.Fatal(err)
		}
	}
	for seed := range 3 {
		for _, augment := range []string{"none", "crop-flip"} {
			report(fmt.Sprint(augment, seed), seed,
				map[string]any{"labels": "random", "augment": augment, "seed": float64(seed)})
		}
	}
	table := collect(t, root).Table(false)
	if got := fmt.Sprint(rowNames(table)); got != "[crop-flip no augmentation]" {
		t.Errorf("rows %s", got)
	}
	i := slices.Index(table.Columns, "seeds")
	if i < 0 || table.rows[0][i].String() != "3" {
		t.Errorf("columns %v, %v", table.Columns, table.rows[0])
	}

	root = t.TempDir()
	report("old/report", 0, nil)
	report("new/report", 1, nil)
	c := collect(t, root)
	if got := fmt.Sprint(rowNames(c.Table(false))); got != "[model (new/report) model (old/report)]" &&
		got != "[report (new/report) report (old/report)]" {
		t.Errorf("rows %s", got)
	}
}

// A rewinding belongs to the run of its model.
func TestRewindingsOfRuns(t *testing.T) {
	c := variants(t)
	epoch := 0
	blocks := func(fit float64) []result.Rewound {
		return []result.Rewound{{Block: "stem", Fit: result.Some(fit), Probe: 0.25},
			{Block: "embedding", Fit: result.Some(fit / 2), Probe: 0.125}}
	}
	for i, e := range c.Entries[:2] {
		e.Run.Model.SHA256 = fmt.Sprint("sum", i)
		c.rewinds = append(c.rewinds, rewinding{"r",
			&result.Rewind{Epoch: &epoch, Model: result.Model{SHA256: fmt.Sprint("sum", i)}, Alone: blocks(0.5),
				Onward: blocks(0.25)}})
	}
	c.rewinds = append(c.rewinds, rewinding{"stray/rewind.json", &result.Rewind{Model: result.Model{SHA256: "other"}}})
	c.giveRewinds()
	if len(c.Notes) != 1 || c.Notes[0] != "stray/rewind.json: of none of the models that are compared" {
		t.Errorf("notes %q", c.Notes)
	}
	views := figuresIn(t, comparePage(t, c))["figure-rewind"]
	if len(views) != 4 {
		t.Fatalf("%d views", len(views))
	}
	curve := views[0].Curves[0]
	if fmt.Sprint(views[0].X.Full, curve.Name, curve.Y) != "[stem embedding]"+c.Entries[0].Label+"[0.5 0.25]" {
		t.Errorf("the curve is %v %q %v", views[0].X.Full, curve.Name, curve.Y)
	}
}

func TestApart(t *testing.T) {
	got := apart([]string{"a", "b", "a", "a", "c", "c"}, []string{"x/y/1", "x/y/2", "z/y/1", "z/y/3", "c", "d/c"})
	if want := "[x/y/1  z/y/1 3 c d/c]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// A table keeps what says most in lines of a width, and names what it leaves out.
func TestTableFits(t *testing.T) {
	c := variants(t)
	table := c.Table(false)
	for _, width := range []int{40, 80, 120, 1000} {
		fitting, left := table.Fit(width)
		var b bytes.Buffer
		if err := fitting.Write(&b, "text"); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := len([]rune(strings.TrimSpace(line))); n > width {
				t.Errorf("%d characters in a line of %d: %q", n, width, line)
			}
		}
		if len(left)+len(fitting.Columns) != len(table.Columns) || fitting.Columns[0] != "run" ||
			len(fitting.Columns) < 2 && width >= 40 {
			t.Errorf("%d characters: columns %v, left out %v", width, fitting.Columns, left)
		}
		if width == 80 && strings.Join(fitting.Columns, " ") != "run verdict probe margin 95 %" {
			t.Errorf("in 80 characters there are %v", fitting.Columns)
		}
		if width == 1000 && len(left) > 0 {
			t.Errorf("in 1000 characters %v are left out", left)
		}
	}
	if table.rows[0][0].text == "" || strings.Contains(table.rows[0][0].text, "…") {
		t.Errorf("the table itself has changed: %q", table.rows[0][0].text)
	}
}
