package report

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"memprobe/internal/tol"
	"memprobe/probe/result"
)

// A run on fixed views has learnt those and not the images as they are.
func TestFitIsTheBetter(t *testing.T) {
	nan := math.NaN()
	row := func(epoch int, clean, augmented, test float64) result.Epoch {
		return result.Epoch{Epoch: epoch, FitClean: clean, FitAugmented: augmented, Test: test}
	}
	views := &Entry{Epochs: []result.Epoch{row(0, 0.1, nan, 0.1), row(1, nan, 0.5, nan), row(2, 0.3, 0.9, 0.1)}}
	fresh := &Entry{Epochs: []result.Epoch{row(0, 0.1, nan, 0.1), row(1, nan, 0.4, nan), row(2, 0.8, 0.7, 0.1)}}
	perView := &Entry{Epochs: []result.Epoch{row(0, nan, nan, 0.1), row(1, nan, 0.4, nan), row(2, nan, 0.6, 0.1)}}
	unevaluated := &Entry{Epochs: []result.Epoch{row(1, nan, 0.4, nan), row(2, nan, 0.6, nan)}}
	for _, c := range []struct {
		*Entry
		name string
		want []point
	}{
		{views, "fit (better of clean and augmented)", []point{{x: 0, y: 0.1}, {x: 2, y: 0.9}}},
		{fresh, "fit (better of clean and augmented)", []point{{x: 0, y: 0.1}, {x: 2, y: 0.8}}},
		{perView, "fit (augmented batches)", []point{{x: 0, y: nan}, {x: 2, y: 0.6}}},
		{unevaluated, "fit (augmented batches)", []point{{x: 1, y: 0.4}, {x: 2, y: 0.6}}},
	} {
		got := c.fitPoints()
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("points %v, want %v", got, c.want)
		}
		if name := fitName([]*Entry{c.Entry}); name != c.name {
			t.Errorf("called %q, want %q", name, c.name)
		}
		if end := c.want[len(c.want)-1].y; c.Outcome().BestFit() != end {
			t.Errorf("fit %v, want that of the curve's end, %v", c.Outcome().BestFit(), end)
		}
	}
	clean := &Entry{Probes: []*result.Probe{{Fit: result.Fit{AssignedClean: result.Some(0.7)}}}}
	if name := fitName([]*Entry{clean}); name != "fit (clean images)" || clean.Outcome().BestFit() != 0.7 {
		t.Errorf("a report: %v, called %q", clean.Outcome().BestFit(), name)
	}
}

// 257 right answers of 1000 and 551 of 2000: their difference in float64 is nearer to
// -0.019, that of the counts, −37/2000, to -0.018.
func TestTableAndSentenceRoundAlike(t *testing.T) {
	p := outline{probe: 0.257}.probed(1, 1)
	p.Baselines.Untrained = result.Some(0.2755)
	p.Verdict = &result.Verdict{Word: result.Unclear, Fit: 1, Margin: -37.0 / 2000, CI: result.Interval{-0.0435, 0.0065}}
	e := &Entry{Path: "a", Label: "a", Probes: []*result.Probe{p}}
	c := &Comparison{Entries: []*Entry{e}}
	var b bytes.Buffer
	if err := c.Table(true).Write(&b, "markdown"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "| -0.018 | -0.043 to 0.006 |") {
		t.Errorf("table\n%s", b.String())
	}
	if s := e.Sentence(); !strings.Contains(s,
		"0.018 below the untrained network's (95 % interval 0.043 below to 0.006 above)") {
		t.Error(s)
	}
}

// Whatever a run is called, a table for people has a line a row, and the columns that it says.
func TestTableEscapesNames(t *testing.T) {
	table := &Table{Columns: []string{"run", "a|b"}, rows: [][]value{{textual("x|<b>\n\x1b[31m`y`"), textual("1")}}}
	for format, want := range map[string]string{
		"markdown": "| run | a\\|b |\n|---|---|\n| x\\|&lt;b>\\\\n\\\\x1b\\[31m\\`y\\` | 1 |\n",
		"text":     "run                 a|b\nx|<b>\\n\\x1b[31m`y`  1\n",
	} {
		var b bytes.Buffer
		if err := table.Write(&b, format); err != nil || b.String() != want {
			t.Errorf("%s: %v\n%q, want\n%q", format, err, b.String(), want)
		}
	}
}

func TestLegible(t *testing.T) {
	for n, want := range map[int]string{0: "[]", 1: "[0]", 8: "[0 1 2 3 4 5 6 7]", 9: "[0 1 2 3 5 6 7 8]",
		22: "[0 3 6 9 12 15 18 21]"} {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		shown, omitted := legible(all)
		if fmt.Sprint(shown) != want || len(shown)+omitted != n {
			t.Errorf("of %d: %v and %d more, want %s", n, shown, omitted, want)
		}
	}
}

// A figure is as wide as its legend needs, and says what it leaves out.
func TestLegendFits(t *testing.T) {
	f := newPlot("")
	width := func(label string) float64 {
		legend := besideLegend(f)
		s := series{label: label, points: []point{{y: 0.5}, {x: 1, y: 0.5}}, colour: blue, glyph: marks[0].glyph}
		if err := s.add(f, legend); err != nil {
			t.Fatal(err)
		}
		w, _ := figure{legend: legend, width: 100}.size()
		return float64(w)
	}
	text := float64(f.Legend.TextStyle.Width(strings.Repeat("m", 60)))
	short, long := width("m"), width("m"+strings.Repeat("m", 60))
	if err := tol.Close([]float64{long - short}, []float64{text}, 1e-6, 0); err != nil {
		t.Errorf("60 characters more: %v", err)
	}
	c := ladder(t)
	if got,
		want := c.Omitted(), "layers and epochs show 8 of 11 runs, evenly spaced in the order of labels, views"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := variants(t).Omitted(); got != "" {
		t.Errorf("all can be shown, yet %q", got)
	}
}

// Of several settings the lines by layer are of the first, and the caption names it.
func TestLayersNameTheirSetting(t *testing.T) {
	root := t.TempDir()
	for _, augment := range []string{"none", "crop-flip"} {
		for i, l := range []string{"true", "noise:0.5", "random"} {
			outline{fmt.Sprint(augment, i), map[string]any{"labels": l, "augment": augment}, 10, 10, 1, 0.3,
				result.Unclear, false, false}.write(t, root)
		}
	}
	figures, err := collect(t, root).figures()
	if err != nil {
		t.Fatal(err)
	}
	if f := figures[2]; f.name != "noise-layers" || f.panels[0].X.Label.Text != "fraction of random labels" ||
		!strings.HasSuffix(f.caption, "Of crop-flip.") {
		t.Errorf("%s over %q: %q", f.name, f.panels[0].X.Label.Text, f.caption)
	}
}

// An untrained network of which too much is the trained one's is a warning.
func TestShareRedrawn(t *testing.T) {
	for share, warns := range map[float64]bool{1: false, 0.9: false, 0.89: true, 0: true} {
		if got := redrawn(share); strings.HasPrefix(got, "warning: only ") != warns ||
			!strings.Contains(got, fmt.Sprintf("%.1f %% of the parameters", 100*share)) {
			t.Errorf("a share of %v: %s", share, got)
		}
	}
}
