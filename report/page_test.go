package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"memprobe/internal/rng"
	"memprobe/probe/result"
	"memprobe/report/page"
)

// wholeProbe has everything that a probe can have.
func wholeProbe(layers, classes int) *result.Probe {
	p := probed(layers, classes)
	p.Metrics = measuredProbe().Metrics
	p.Model.SHA256, p.Data.Fingerprint, p.Data.Labels, p.Data.Test = strings.Repeat("ab", 32), "f1", "random", 1000
	p.Tool = result.Tool{Version: "0.1.0", Command: "memprobe analyze --k=1,20 m.onnx"}
	p.Settings.K, p.Settings.Draws, p.Settings.Headline = []int{1, 20}, 3, 20
	around := func(v, by float64) result.Interval {
		return result.Interval{result.Number(v - by), result.Number(v + by)}
	}
	for i := range p.Layers {
		l, d := &p.Layers[i], float64(i)/float64(layers-1)
		l.Shape = []int{64}
		l.KNN.True[1] = l.KNN.True[20] - 0.05
		truth := around(l.KNN.True.At(20), 0.03)
		l.Intervals.True = &truth
		u := l.Untrained.True[20]
		l.Draws = &result.Draws{Accuracies: []result.Number{u - 0.01, u, u + 0.01}, Mean: u, SD: 0.01, Rank: 1}
		m := l.KNN.True.At(20) - float64(u)
		l.Margins = map[string]result.Margin{"untrained": {Margin: result.Number(m), CI: around(m, 0.03),
			Band: around(m, 0.05)}, "pixels": {Margin: result.Number(m - 0.1), CI: around(m-0.1, 0.02),
			Band: around(m-0.1, 0.04)}}
		alone := around(0.1, 0.02)
		l.AssignedBand = &alone
		l.Values = result.Values{"spread.true": result.Number(math.Exp(9 * d)), "spread.assigned": result.Number(1 / (3 + d)),
			"likeness": result.Number(d*d/3 - 0.3), "untrained_likeness": 0.125}
	}
	p.Layers[layers/2].Values["likeness"] = result.Number(math.NaN())
	e := &p.Layers[layers-2]
	e.Role = "embedding"
	p.Verdict = &result.Verdict{Word: result.Benign, Layer: e.Name, Fit: 0.99, Probe: e.KNN.True[20],
		Untrained: e.Untrained.True[20], Margin: e.Margins["untrained"].Margin, CI: e.Margins["untrained"].CI, Draws: 3,
		MinFit: 0.9, MinMargin: 0.02}
	p.Depth = &result.Depth{Layers: layers - 1, Begins: p.Layers[layers/2].Name, Peak: p.Layers[layers/3+1].Name,
		Sentence: "memorization begins at " + p.Layers[layers/2].Name}
	p.Warnings = []string{"a warning <b>"}
	addImages(p, 900, classes)
	return p
}

// addImages has p know of single training images, and draw them.
func addImages(p *result.Probe, n, classes int) {
	p.Data.Classes = p.Confusion.Classes
	s := &result.Samples{K: 20, DepthK: 30, Images: n, Mislabelled: n, Epochs: 3, FlipCounts: make([]int, len(p.Layers)+1)}
	m := &result.Map{Images: 600, Features: "features of unit length"}
	for i := range p.Layers {
		s.Layers = append(s.Layers, p.Layers[i].Name)
		m.Layers = append(m.Layers, result.MapLayer{Name: p.Layers[i].Name, Explained: [2]result.Number{0.5, 0.125}})
		m.Places = append(m.Places, nil)
	}
	r := rng.New(3, 4)
	for i := range n {
		row := result.Sample{Index: 10 * i, True: i % classes, Assigned: (i * 7) % classes,
			Trace: &result.Trace{Cumulative: result.Number(r.Float64()), Final: result.Number(math.NaN())}}
		flips := r.IntN(len(p.Layers) + 1)
		for l := range p.Layers {
			a := r.Float32() / 2
			if l >= flips {
				a += 0.5
			}
			row.TrueShare, row.AssignedShare = append(row.TrueShare, 1-a), append(row.AssignedShare, a)
		}
		if s.FlipCounts[flips]++; flips < len(p.Layers) {
			row.FlipDepth = &flips
		}
		s.Rows = append(s.Rows, row)
		if i < m.Images {
			m.Rows, m.Index, m.True, m.Assigned = append(m.Rows, i), append(m.Index, row.Index),
				append(m.True, row.True), append(m.Assigned, row.Assigned)
			x, y := float32(r.Normal())+float32(row.True), float32(r.Normal())
			for l := range m.Places {
				t := float32(l) / float32(len(m.Places))
				m.Places[l] = append(m.Places[l], [2]float32{x * (1 + t), y + t*float32(row.Assigned)})
			}
		}
	}
	s.Memorized, s.Earliest, s.Latest, s.Never = s.Rows[:24], s.Rows[24:48], s.Rows[48:72], s.Rows[890:]
	s.Agreement = &result.Agreement{Images: n, Measures: []string{"assigned_share"}, Spearman: [][]result.Number{{1}}}
	p.Samples, p.Map = s, m
	p.Picture = func(row, side int) image.Image {
		out := image.NewRGBA(image.Rect(0, 0, side, side*3/4))
		for i := range out.Pix {
			out.Pix[i] = uint8(r.Uint64()) // noise, which no format makes small
		}
		for x := range side {
			out.SetRGBA(x, row%(side/2), color.RGBA{255, 0, 0, 255})
		}
		return out
	}
}

// pageText writes the page of p and returns it.
func pageText(t *testing.T, p *result.Probe) string {
	t.Helper()
	var b bytes.Buffer
	if err := pageOf(p).Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// figuresIn are the charts that a page holds, by figure.
func figuresIn(t *testing.T, text string) map[string][]page.Chart {
	t.Helper()
	m := regexp.MustCompile(`(?s)<script type="application/json" id="figures">(.*?)</script>`).FindStringSubmatch(text)
	if m == nil {
		t.Fatal("the page has no numbers")
	}
	var out map[string][]page.Chart
	if err := json.Unmarshal([]byte(m[1]), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// Every number of the page is that of probe.json, to the last bit.
func TestPageNumbersAreTheProbes(t *testing.T) {
	var file bytes.Buffer
	if err := wholeProbe(20, 10).Encode(&file); err != nil {
		t.Fatal(err)
	}
	p, err := result.DecodeProbe(&file)
	if err != nil {
		t.Fatal(err)
	}
	text := pageText(t, p)
	keys := map[string]bool{}
	for id, views := range figuresIn(t, text) {
		for _, v := range views {
			if v.Map != nil {
				continue // TestMapOfAPage
			}
			k := p.Settings.Headline
			fmt.Sscanf(v.Name, "k = %d", &k)
			for _, c := range v.Curves {
				keys[c.Key] = true
				for i := range p.Layers {
					l := &p.Layers[i]
					var want []float64 // the number and its band, NaN where there is none
					margin, baseline := result.Margin{}, ""
					if _, after, ok := strings.Cut(c.Key, "margins."); ok {
						baseline = after
					}
					switch before, band := strings.CutSuffix(c.Key, ".band"); {
					case band:
						margin = l.Margins[before]
						want = []float64{math.NaN(), margin.Band.Low(), margin.Band.High()}
					case baseline != "":
						margin = l.Margins[baseline]
						want = []float64{float64(margin.Margin), margin.CI.Low(), margin.CI.High()}
					case c.Key == "assigned_band":
						want = []float64{math.NaN(), l.AssignedBand.Low(), l.AssignedBand.High()}
					default:
						want = []float64{l.At(c.Key, k), math.NaN(), math.NaN()}
						if c.Key == "knn.true" && k == 20 {
							want[1], want[2] = l.Intervals.True.Low(), l.Intervals.True.High()
						}
						if c.Key == "untrained.true" {
							want[1], want[2] = float64(l.Draws.Accuracies[0]), float64(l.Draws.Accuracies[2])
						}
					}
					got := []float64{math.NaN(), math.NaN(), math.NaN()}
					for j, from := range [][]result.Number{c.Y, c.Low, c.High} {
						if from != nil {
							got[j] = float64(from[i])
						}
					}
					if !slices.EqualFunc(got, want, same) {
						t.Errorf("%s, %s, %s at layer %d: %v, want %v", id, v.Name, c.Key, i, got, want)
					}
				}
			}
		}
	}
	for _, want := range append(partKeys(p), "margins.untrained", "untrained.band", "margins.pixels", "assigned_band") {
		if !keys[want] {
			t.Errorf("no figure shows %s", want)
		}
	}
	// The table has the same numbers in the same order.
	rows := regexp.MustCompile(`(?s)<tr data-link="layer:\d+">.*?</tr>`).FindAllString(text, -1)
	cell := regexp.MustCompile(`data-key="([^"]*)"`)
	if len(rows) != len(p.Layers) {
		t.Fatalf("%d rows, want %d", len(rows), len(p.Layers))
	}
	for i, row := range rows {
		cells := cell.FindAllStringSubmatch(row, -1)[3:]
		for j, part := range measuredParts(p) {
			want := p.Layers[i].At(part.Key, p.Settings.Headline)
			got, err := strconv.ParseFloat(cells[j][1], 64)
			if err != nil {
				got = math.NaN()
			}
			if !same(got, want) {
				t.Errorf("row %d, %s: %v, want %v", i, part.Key, got, want)
			}
		}
	}
}

func partKeys(p *result.Probe) []string {
	var out []string
	for _, part := range measuredParts(p) {
		out = append(out, part.Key)
	}
	return out
}

// A page is below 5 MB whatever was measured, says what it leaves out, and takes no
// name for markup.
func TestPageIsSmallAndSafe(t *testing.T) {
	const hostile = "</script><script>alert(1)</script>\u202e\x00"
	for _, c := range []struct{ layers, classes, limit int }{{200, 10, 3 << 20}, {9000, 1000, 5 << 20}} {
		p := wholeProbe(c.layers, c.classes)
		p.Layers[1].Name, p.Confusion.Classes[1], p.Model.Path, p.Metrics[1].Title = hostile, hostile, hostile, hostile
		p.Model.Metadata = map[string]string{"long": strings.Repeat("x", 1<<20), hostile: hostile}
		text := pageText(t, p)
		if len(text) > c.limit {
			t.Errorf("%d layers and %d classes: %d bytes, want at most %d", c.layers, c.classes, len(text), c.limit)
		}
		if strings.Contains(text, "alert(1)</script>") || strings.ContainsAny(text, "\u202e\x00") {
			t.Error("a name is markup")
		}
		if left := "rows here; the files beside this one have all of them."; strings.Contains(text,
			left) != (c.layers > 1000) {
			t.Errorf("of %d layers it says %q: %v", c.layers, left, !strings.Contains(text, left))
		}
	}
}

// What a reader may do with a page goes without an error.
func TestPageActsInABrowser(t *testing.T) {
	browser(t)
	for _, c := range []struct{ layers, width int }{{5, 1300}, {200, 600}} {
		p := wholeProbe(c.layers, 10)
		text := pageText(t, p)
		charts := len(figuresIn(t, text))
		// A script beside the page's own does what a reader may do.
		act := `<script>try {
const svgs = [...document.querySelectorAll(".plots svg")];
for (const svg of [...svgs, svgs[0]]) {
  svg.focus();
  for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "End", "Home", "Escape"]) svg.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
  const r = svg.getBoundingClientRect();
  svg.dispatchEvent(new PointerEvent("pointermove", {clientX: r.left + r.width / 2, clientY: r.top + r.height / 2, bubbles: true}));
}
document.documentElement.dataset.tip = document.querySelector("#figure-layers .tip").textContent;
document.documentElement.dataset.lit = document.querySelectorAll("tr.lit").length;
document.querySelector("tr[data-link='layer:2']").dispatchEvent(new PointerEvent("pointerenter"));
document.documentElement.dataset.focus = document.querySelectorAll(".focus").length;
for (const b of document.querySelectorAll("#figure-layers .tools button")) b.click();
document.documentElement.dataset.curves = document.querySelectorAll("#figure-layers .curve").length;
for (const s of document.querySelectorAll("select")) { s.value = s.options.length - 1; s.onchange(); }
for (const b of document.querySelectorAll("th button, #theme")) { b.click(); b.click(); }
const find = document.querySelector("#layers-table input");
find.value = "true > 0.55"; find.oninput();
document.documentElement.dataset.count = document.querySelector("#layers-table .count").textContent;
} catch (e) { fail(e.stack) }</script></body>`
		dom := opened(t, strings.Replace(text, "</body>", act, 1), c.width)
		head := dom[:min(len(dom), 2000)]
		for _, want := range []string{fmt.Sprintf(`data-ready="%d"`, charts), `data-errors="0"`, `data-lit="1"`,
			`data-curves="0"`, `raw pixels0.550`} {
			if !strings.Contains(head, want) {
				t.Errorf("%d layers at %d pixels: no %s in %.600s", c.layers, c.width, want, head)
			}
		}
		above := 0
		for i := range p.Layers {
			if p.Layers[i].At("knn.true", 20) > 0.55 {
				above++
			}
		}
		if want := fmt.Sprintf(`data-count="%d of %d rows"`, above, c.layers); !strings.Contains(head, want) {
			t.Errorf("the filter: no %s in %.600s", want, head)
		}
	}
}
