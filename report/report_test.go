package report

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"memprobe/probe/result"
	"memprobe/report/page"
)

func sample() *result.Probe {
	acc := func(v float64) result.Accuracy { return result.Accuracy{20: result.Number(v)} }
	p := &result.Probe{
		Model:     result.Model{Path: "m.onnx"},
		Data:      result.Data{Spec: "fashion-mnist-mini", Train: 10, Test: 4},
		Settings:  result.Settings{K: []int{20}, Headline: 20, Metric: "cosine", Vote: "uniform", Pool: "avg"},
		Baselines: result.Baselines{Chance: 0.5, Pixels: result.Some(0.6)},
		Confusion: &result.Confusion{Layer: "b", K: 20, Classes: []string{"x", "y"}, Counts: [][]int{{2, 0}, {1, 1}}},
	}
	for i, name := range []string{"input", "a", "b"} {
		p.Layers = append(p.Layers, result.Layer{Name: name, Index: i, Dim: 4,
			KNN: result.KNN{True: acc(0.5 + 0.1*float64(i))}})
	}
	return p
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r")
	files, err := Write(dir, sample(), []string{"png", "pdf", "html"})
	if err != nil {
		t.Fatal(err)
	}
	heads := map[string]string{".png": "\x89PNG", ".pdf": "%PDF", ".html": "<!doctype html>", ".csv": "index,layer",
		".json": "{"}
	if len(files) != 6 {
		t.Errorf("wrote %v, want two figures, PDF, HTML, CSV and JSON", files)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil || !strings.HasPrefix(string(b), heads[filepath.Ext(f)]) {
			t.Errorf("%s begins with %.10q (%v)", f, b, err)
		}
		if filepath.Ext(f) == ".png" {
			if _, err := png.Decode(bytes.NewReader(b)); err != nil {
				t.Errorf("%s: %v", f, err)
			}
		}
	}
}

func TestCSVHasARowALayer(t *testing.T) {
	var b bytes.Buffer
	if err := WriteCSV(&b, sample()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 4 || !strings.Contains(lines[3], ",b,") || !strings.Contains(lines[3], "0.7") {
		t.Errorf("CSV is\n%s", b.String())
	}
}

// probed is a probe as of a network that memorizes benignly, of so many layers
// and classes.
func probed(layers, classes int) *result.Probe {
	acc := func(v float64) result.Accuracy { return result.Accuracy{20: result.Number(v)} }
	p := sample()
	p.Layers = nil
	for i := range layers {
		depth := float64(i) / float64(layers-1)
		name := fmt.Sprintf("/layer%d/block.%d/Relu_output_0", i/4+1, i%4)
		switch i {
		case 0:
			name = "input"
		case layers - 1:
			name = "logits"
		}
		l := result.Layer{Name: name, Index: i, Dim: 64, KNN: result.KNN{True: acc(0.6 - 0.3*(depth-0.6)*(depth-0.6))},
			LeaveOneOut: &result.KNN{Assigned: acc(0.1 + 0.85*math.Pow(depth, 6))},
			Untrained:   &result.KNN{True: acc(0.5 - 0.1*depth)}}
		p.Layers = append(p.Layers, l)
	}
	p.Baselines = result.Baselines{Chance: 0.1, Pixels: result.Some(0.55)}
	for i := range p.Layers {
		p.Layers[i].Draws = &result.Draws{Accuracies: make([]result.Number, 5), SD: 0.02}
	}
	p.Depth = &result.Depth{Begins: p.Layers[layers-2].Name, Peak: p.Layers[layers*6/10].Name,
		Sentence: "memorization begins, features peak"}
	c := &result.Confusion{Layer: "/Flatten_output_0", K: 20}
	for i := range classes {
		c.Classes = append(c.Classes, fmt.Sprintf("class %d", i))
		row := make([]int, classes)
		for j := range row {
			row[j] = 40 / (1 + 3*(i-j)*(i-j))
		}
		c.Counts = append(c.Counts, row)
	}
	p.Confusion = c
	return p
}

func TestFiguresOfAProbe(t *testing.T) {
	for name, p := range map[string]*result.Probe{"probe": probed(8, 10), "deep": probed(90, 100)} {
		figures, err := probeFigures(p)
		if err != nil || len(figures) != 2 {
			t.Fatalf("%d figures: %v", len(figures), err)
		}
		for _, f := range figures {
			golden(t, name+"-"+f.name, f)
		}
	}
}

// measuredProbe has metrics of each scale, of which the report knows nothing.
func measuredProbe() *result.Probe {
	p := probed(8, 10)
	p.Metrics = []result.Metric{result.Neighbours(),
		{Name: "spread", Title: "Spread", Definition: "a formula", Source: "Somebody 2026", Settings: "on 12 images",
			Unit: "directions", Scale: result.Logarithmic,
			Parts: []result.Part{{Column: "spread.true", Key: "spread.true", Label: "true labels"},
				{Column: "spread.assigned", Key: "spread.assigned", Label: "assigned labels"}}},
		{Name: "likeness", Title: "Likeness", Definition: "another", Unit: "likeness", Scale: result.Linear,
			Parts: []result.Part{{Column: "likeness", Key: "likeness", Label: "trained network"},
				{Column: "likeness.untrained", Key: "untrained_likeness", Label: "untrained network"}}},
		{Name: "nowhere", Title: "Measured of no layer", Parts: []result.Part{{Column: "nowhere", Key: "nowhere"}}},
	}
	for i := range p.Layers {
		d := float64(i)
		p.Layers[i].Values = result.Values{"spread.true": result.Number(math.Exp(d)),
			"spread.assigned": result.Number(3 * math.Exp(-d/2)), "likeness": result.Number(d*d/40 - 0.3),
			"untrained_likeness": result.Number(math.NaN())}
	}
	p.Layers[2].Values["likeness"] = result.Number(math.NaN())
	return p
}

func TestFiguresOfMetrics(t *testing.T) {
	figures, err := probeFigures(measuredProbe())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range figures {
		names = append(names, f.name)
	}
	if got := strings.Join(names, " "); got != "layers spread likeness confusion" {
		t.Fatalf("figures %s", got)
	}
	golden(t, "metric-spread", figures[1])
	golden(t, "metric-likeness", figures[2])
}

// All that was measured is in the table, the CSV, the page and the facts; a column that
// was not is empty.
func TestMetricsAreSeen(t *testing.T) {
	p := measuredProbe()
	if got, want := strings.Join(Columns(p), " "),
		"true assigned untrained spread.true spread.assigned likeness"; got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	var text, csv, page bytes.Buffer
	err := errors.Join(LayerTable(p, []string{"likeness", "nowhere"}).Write(&text, "text"), WriteCSV(&csv, p),
		pageOf(p).Write(&page))
	if err != nil {
		t.Fatal(err)
	}
	row := strings.Fields(strings.Split(text.String(), "\n")[2])
	if fmt.Sprint(row) != "[/layer1/block.1/Relu_output_0 - 64 -0.275 -]" {
		t.Errorf("a row is %q", row)
	}
	if head, _, _ := strings.Cut(csv.String(), "\n"); !strings.HasSuffix(head,
		",true,assigned_leave_one_out,untrained_true,spread.true,spread.assigned,likeness") {
		t.Errorf("CSV begins with %s", head)
	}
	if !strings.Contains(page.String(), ">spread.assigned</button>") ||
		!strings.Contains(page.String(), `<dd>A formula. Unit: directions. Measured on 12 images. <span class="source">Source: Somebody 2026.</span></dd>`) {
		t.Errorf("the page is\n%s", page.String())
	}
}

// The title and each figure have pages of their own; tables and settings flow over
// others, columns that do not fit below those that do.
func TestPDFPages(t *testing.T) {
	figures, err := probeFigures(probed(8, 10))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ settings, rows, columns, want int }{{5, 0, 2, 4}, {40, 0, 2, 5}, {5, 60, 2, 6},
		{5, 60, 60, 9}} {
		d := &page.Page{Settings: make([][2]string, c.settings),
			Tables: []page.Table{{Title: "rows", Columns: make([]string, c.columns)}}}
		for range c.rows {
			r := page.Row{Cells: make([]page.Cell, c.columns)}
			for i := range r.Cells {
				r.Cells[i].Text = "0.123"
			}
			d.Tables[0].Rows = append(d.Tables[0].Rows, r)
		}
		var b bytes.Buffer
		if err := writePDF(&b, d, figures); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), "/Type /Page\n"); got != c.want {
			t.Errorf("%d settings, %d rows of %d: %d pages, want %d", c.settings, c.rows, c.columns, got, c.want)
		}
	}
}

// What is written is the same bytes each time, in every format.
func TestReportsAreReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("writes twice what TestAgainstIsWritten writes")
	}
	written := func() map[string]string {
		dir := t.TempDir()
		files, err := Write(dir, wholeProbe(12, 4), Formats())
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out[strings.TrimPrefix(f, dir)] = string(b)
		}
		return out
	}
	first, second := written(), written()
	for _, name := range []string{"/report.pdf", "/figures/layers-one-column.svg", "/figures/margins-two-columns.pdf",
		"/report.html"} {
		if first[name] == "" {
			t.Errorf("no %s", name)
		}
	}
	for name := range first {
		if first[name] != second[name] {
			t.Errorf("%s differs from one time to the other", name)
		}
	}
}

// Figures for papers are as wide as the columns, and nothing in them lies outside.
func TestFiguresForPapers(t *testing.T) {
	for _, layers := range []int{5, 200} {
		figures, err := probeFigures(wholeProbe(layers, 10))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range figures {
			for _, w := range widths {
				f := f.paper(w.width, w.columns)
				wide, high := f.size()
				if wide != w.width {
					t.Errorf("%s is %v wide, want %v", f.name, wide, w.width)
				}
				c := &writings{}
				f.draw(margin(draw.NewCanvas(c, wide, high)))
				if len(c.ends) < 10 {
					t.Errorf("%s: %d texts", f.name, len(c.ends))
				}
				for text, box := range c.ends {
					if box.Min.X < 0 || box.Min.Y < 0 || box.Max.X > wide || box.Max.Y > high {
						t.Errorf("%d layers, %s, %s: %q reaches from %v to %v, outside %v by %v",
							layers, f.name, w.name, text, box.Min, box.Max, wide, high)
					}
				}
			}
		}
	}
}

func TestWrap(t *testing.T) {
	runes := func(s string) vg.Length { return vg.Length(len([]rune(s))) }
	for text, want := range map[string]string{
		"":                 "",
		"one two three":    "one two|three",
		"onetwothreefour ": "onetwoth|reefour ",
		"a äöüßäöüßäöüß":   "a|äöüßäöüß|äöüß",
		"12345678 9":       "12345678|9",
		"12 45678 \xff":    "12 45678|?",
	} {
		if got := strings.Join(wrap(text, 8, runes), "|"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func ExampleWrite() {
	dir, err := os.MkdirTemp("", "report")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	files, err := Write(dir, probed(8, 10), []string{"png", "html"})
	for _, f := range files {
		fmt.Println(filepath.Base(f))
	}
	fmt.Println(err)
	// Output:
	// layers.png
	// confusion.png
	// report.html
	// layers.csv
	// probe.json
	// <nil>
}

func probeFigures(p *result.Probe) ([]figure, error) { return figuresOf(p, pageOf(p)) }
