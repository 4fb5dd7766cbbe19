package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"memprobe/probe/result"
)

// tree is a JSON document by its own names, read without the types that wrote it.
type tree struct {
	t   *testing.T
	doc any
}

func treeOf(t *testing.T, doc []byte) tree {
	t.Helper()
	out := tree{t: t}
	if err := json.Unmarshal(doc, &out.doc); err != nil {
		t.Fatal(err)
	}
	return out
}

// at walks down names and places of lists: "layers/3/knn/true/20".
func (d tree) at(path string) any {
	d.t.Helper()
	v := d.doc
	for name := range strings.SplitSeq(path, "/") {
		switch w := v.(type) {
		case map[string]any:
			v = w[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(w) {
				d.t.Fatalf("%s: no %q in a list of %d", path, name, len(w))
			}
			v = w[i]
		default:
			d.t.Fatalf("%s: %q is not there", path, name)
		}
	}
	return v
}

// number is a number of the document, NaN for null.
func (d tree) number(path string) float64 {
	d.t.Helper()
	v, ok := d.at(path).(float64)
	if !ok {
		return math.NaN()
	}
	return v
}

var shownNumber = regexp.MustCompile(`[-−+]?\d+(\.\d+)?`)

// shows holds the numbers in a text, in their order, to what was measured: to half of
// the last digit that is written.
func shows(t *testing.T, text string, want ...float64) {
	t.Helper()
	found := shownNumber.FindAllString(text, -1)
	if len(found) != len(want) {
		t.Errorf("%q shows %d numbers, want %d", text, len(found), len(want))
		return
	}
	for i, s := range found {
		got, err := strconv.ParseFloat(strings.Replace(s, "−", "-", 1), 64)
		_, decimals, _ := strings.Cut(s, ".")
		if half := 0.5*math.Pow10(-len(decimals)) + 1e-9; err != nil || !(math.Abs(got-want[i]) <= half) {
			t.Errorf("%q: %s, want %v", text, s, want[i])
		}
	}
}

// matches are what a pattern finds in a page, as text.
func matches(text, pattern string) [][]string {
	out := regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1)
	for _, m := range out {
		for i := range m {
			m[i] = html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[i], ""))
		}
	}
	return out
}

// section is the part of a page from an element's id to the end of its kind.
func section(t *testing.T, text, id, end string) string {
	t.Helper()
	_, after, ok := strings.Cut(text, `id="`+id+`"`)
	if !ok {
		t.Fatalf("the page has no %s", id)
	}
	part, _, _ := strings.Cut(after, end)
	return part
}

// The headline, the key numbers, the levels, the cells, the answers and the settings of
// the page are those of probe.json, whose tree is read here without its types.
func TestShownNumbersAreTheFiles(t *testing.T) {
	p := wholeProbe(20, 10)
	p.Fit = result.Fit{AssignedClean: result.Some(0.9876), Test: result.Some(0.1234), Augmented: result.Some(0.9012)}
	p.Baselines.Untrained = result.Some(float64(p.Verdict.Untrained))
	var file bytes.Buffer
	if err := p.Encode(&file); err != nil {
		t.Fatal(err)
	}
	doc := treeOf(t, file.Bytes())
	read, err := result.DecodeProbe(&file)
	if err != nil {
		t.Fatal(err)
	}
	text := pageText(t, read)
	const embedding = "layers/18/"

	v := func(name string) float64 { return doc.number("verdict/" + name) }
	carries := matches(text, `<p class="carries">(.*?)</p>`)[0][1]
	shows(t, carries, 100*v("probe"), doc.number("data/test"), v("draws"), 100*v("untrained"),
		100*math.Abs(v("margin")), 95, 100*v("ci/0"), 100*v("ci/1"))
	change := matches(text, `<p class="change">(.*?)</p>`)[0][1]
	shows(t, change, 100*v("min_margin"), 100*(v("ci/0")-v("min_margin")))

	numbers := map[string][]float64{
		"probe at the embedding, true labels": {doc.number(embedding + "knn/true/20"), 95,
			doc.number(embedding + "intervals/true/0"), doc.number(embedding + "intervals/true/1")},
		"margin over untrained networks": {v("margin"), 95, v("ci/0"), v("ci/1")},
		"untrained network, same place": {doc.number("baselines/untrained"), 3,
			doc.number(embedding + "draws/accuracies/0"), doc.number(embedding + "draws/accuracies/2")},
		"raw pixels": {doc.number("baselines/pixels")},
		"chance":     {doc.number("baselines/chance")},
		"probe at the embedding, assigned labels": {doc.number(embedding + "leave_one_out/assigned/20")},
		"fit to the assigned labels":              {doc.number("fit/assigned_clean")},
		"fit on augmented batches":                {doc.number("fit/assigned_augmented")},
		"test accuracy of the network":            {doc.number("fit/test")},
	}
	found := matches(section(t, text, "lead", "<figure"), `<dt>(.*?)</dt><dd>(.*?)</dd>`)
	for _, m := range found {
		want, ok := numbers[m[1]]
		if !ok {
			t.Errorf("the number %q is of nothing known", m[1])
			continue
		}
		shows(t, m[2], want...)
	}
	if len(found) != len(numbers) {
		t.Errorf("%d key numbers, want %d", len(found), len(numbers))
	}

	figures := figuresIn(t, text)
	levels := 0
	for id, views := range figures {
		for _, view := range views {
			for _, l := range view.Levels {
				levels++
				want := map[string]float64{"raw pixels": doc.number("baselines/pixels"),
					"chance": doc.number("baselines/chance"), "no difference": 0, "counts as better": v("min_margin"),
					"counts as worse": -v("min_margin")}[l.Name]
				if view.Name == "k = 1" && l.Name == "raw pixels" {
					want = doc.number("baselines/pixels_knn/1")
				}
				if float64(l.Value) != want {
					t.Errorf("%s, %s, %s: %v, want %v", id, view.Name, l.Name, l.Value, want)
				}
			}
		}
	}
	if levels < 5 {
		t.Errorf("%d levels", levels)
	}
	for r, row := range figures["figure-confusion"][0].Cells {
		for c, got := range row {
			if want := doc.number(fmt.Sprintf("confusion/counts/%d/%d", r, c)); float64(got) != want {
				t.Errorf("answer %d to class %d: %v, want %v", c, r, got, want)
			}
		}
	}
	cellsAreTheirKeys(t, text)

	settings := matches(section(t, text, "settings", "</details>"), `<dt>(.*?)</dt><dd>(.*?)</dd>`)
	for _, s := range settings {
		switch want := doc.at(strings.ReplaceAll(s[1], ".", "/")).(type) {
		case float64:
			if got, err := strconv.ParseFloat(s[2], 64); err != nil || got != want {
				t.Errorf("%s: %s, want %v", s[1], s[2], want)
			}
		case string:
			if s[2] != want {
				t.Errorf("%s: %q, want %q", s[1], s[2], want)
			}
		}
	}
	if len(settings) < 15 {
		t.Errorf("%d settings", len(settings))
	}
}

// cellsAreTheirKeys holds what the cells of tables show to the numbers that they are
// sorted by, which other tests hold to the files.
func cellsAreTheirKeys(t *testing.T, text string) {
	t.Helper()
	numbers := 0
	for _, cell := range matches(text, `<td data-key="([^"]*)"[^>]*>(.*?)</td>`) {
		key, err := strconv.ParseFloat(cell[1], 64)
		if err != nil || cell[1] == "" {
			if !strings.Contains(cell[2], cell[1]) {
				t.Errorf("a cell shows %q, its key is %q", cell[2], cell[1])
			}
			continue
		}
		numbers++
		first := shownNumber.FindString(cell[2])
		shows(t, first, key)
	}
	if numbers < 10 {
		t.Errorf("%d cells are numbers", numbers)
	}
}

// Every cell of a comparison's page is that of comparison.json, and its key numbers are
// the margins there.
func TestShownComparisonIsTheFiles(t *testing.T) {
	for name, each := range map[string]bool{"groups": false, "single runs": true} {
		c := variants(t)
		table := c.Table(each)
		var file, pageFile bytes.Buffer
		if err := table.Write(&file, "json"); err != nil {
			t.Fatal(err)
		}
		if err := c.html(&pageFile, table); err != nil {
			t.Fatal(err)
		}
		doc, text := treeOf(t, file.Bytes()), pageFile.String()
		part := section(t, text, "runs", "</section>")
		columns := matches(part, `<button type="button">(.*?)</button>`)
		rows := regexp.MustCompile(`(?s)<tr data-link="run:\d+">.*?</tr>`).FindAllString(part, -1)
		if len(rows) != len(table.rows) || len(columns) != len(table.Columns) {
			t.Fatalf("%s: %d rows of %d columns, want %d of %d",
				name, len(rows), len(columns), len(table.rows), len(table.Columns))
		}
		margins := map[string][]float64{}
		for i, row := range rows {
			cells := matches(row, `<td data-key="([^"]*)"[^>]*>(.*?)</td>`)
			for j, column := range columns {
				key, shown := cells[j][1], cells[j][2]
				got, _ := strconv.ParseFloat(key, 64)
				switch want := doc.at(fmt.Sprintf("rows/%d", i)).(map[string]any)[column[1]].(type) {
				case nil:
					if shown != "" {
						t.Errorf("%s, row %d, %s: %q, want nothing", name, i, column[1], shown)
					}
				case string:
					if shown != want {
						t.Errorf("%s, row %d, %s: %q, want %q", name, i, column[1], shown, want)
					}
				case float64:
					shows(t, shown, want)
					if got != want {
						t.Errorf("%s, row %d, %s: %v, want %v", name, i, column[1], got, want)
					}
				case map[string]any:
					first, second := "mean", "sd"
					if _, interval := want["low"]; interval {
						first, second = "low", "high"
					}
					shows(t, shown, want[first].(float64), want[second].(float64))
					if got != want[first] {
						t.Errorf("%s, row %d, %s: %v, want %v", name, i, column[1], got, want[first])
					}
				}
			}
			record := doc.at(fmt.Sprintf("rows/%d", i)).(map[string]any)
			if each {
				continue
			}
			margins["margin: "+record["run"].(string)] = []float64{record["margin"].(map[string]any)["mean"].(float64), 95,
				record["margin 95 %"].(map[string]any)["low"].(float64), record["margin 95 %"].(map[string]any)["high"].(float64)}
		}
		cellsAreTheirKeys(t, text)
		found := matches(section(t, text, "lead", "<figure"), `<dt>(.*?)</dt><dd>(.*?)</dd>`)
		for _, m := range found {
			if !each {
				shows(t, m[2], margins[m[1]]...)
			}
		}
		if len(found) != 4 {
			t.Errorf("%s: %d key numbers, want one of each of 4 groups", name, len(found))
		}
	}
}
