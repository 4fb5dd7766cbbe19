package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"memprobe/probe/result"
)

func comparePage(t *testing.T, c *Comparison) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.html(&b, c.Table(false)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every number of the page is that of the runs' files.
func TestComparePageNumbers(t *testing.T) {
	c := variants(t)
	text := comparePage(t, c)
	figures := figuresIn(t, text)
	for _, id := range []string{"figure-scatter", "figure-layers", "figure-panels", "figure-epochs", "figure-maps"} {
		if len(figures[id]) == 0 {
			t.Fatalf("no %s among %d figures", id, len(figures))
		}
	}
	byName := map[string]*Entry{}
	for _, e := range c.Entries {
		byName[e.name()] = e
	}
	points := 0
	for _, view := range figures["figure-scatter"] {
		for _, curve := range view.Curves {
			for i, name := range curve.Names {
				o := byName[name].Outcome()
				for _, m := range c.measures() {
					if m.column == curve.Key {
						points++
						if got, want := float64(curve.Y[i]), m.of(&o); !same(got, want) {
							t.Errorf("%s of %s: %v, want %v", m.column, name, got, want)
						}
					}
				}
			}
		}
	}
	if want := len(always) * len(c.Entries); points != want {
		t.Errorf("%d points, want %d", points, want)
	}
	// The maps are of single runs: each cell is a number of a probe.
	for _, view := range figures["figure-maps"] {
		key := map[string]string{}
		for _, part := range result.Neighbours().Parts {
			key[part.Label] = part.Key
		}
		for _, m := range view.Panels {
			e := byName[m.Title]
			for layer, row := range m.Cells {
				for n, got := range row {
					p := e.Probes[n]
					if want := p.Layers[layer].At(key[view.Name], 20); m.X.Names[n] != fmt.Sprint(*p.Epoch) ||
						!same(float64(got), want) {
						t.Errorf("%s, %s, layer %d, epoch %s: %v, want %v", e.Path, view.Name, layer, m.X.Names[n], got, want)
					}
				}
			}
		}
	}
	// Rows and curves of a group have one link.
	rows := regexp.MustCompile(`<tr data-link="(run:\d+)"><td data-key="([^"]*)"`).FindAllStringSubmatch(text, -1)
	linked := map[string]string{}
	for _, r := range rows[:len(c.Table(false).rows)] {
		linked[r[2]] = r[1]
	}
	colours := map[string]int{}
	for _, curve := range figures["figure-scatter"][0].Curves {
		colours[curve.Name] = curve.Colour
	}
	for _, curve := range figures["figure-layers"][0].Curves {
		if c, ok := colours[curve.Name]; ok && c != curve.Colour {
			t.Errorf("%s has the colours %d and %d", curve.Name, c, curve.Colour)
		}
		if curve.Link != "" && linked[curve.Name] != curve.Link {
			t.Errorf("%s is %s in the figure and %s in the table", curve.Name, curve.Link, linked[curve.Name])
		}
	}
}

// Names from files are no markup, and commands are quoted.
func TestComparePageIsSafe(t *testing.T) {
	c := variants(t)
	c.Entries[0].Label, c.Entries[0].Variant, c.Entries[0].Path = "<b>\u202e", "<b>", "a b/$(x)"
	c.Notes = []string{"<i>"}
	text := comparePage(t, c)
	for what, want := range map[string]bool{"<b>\u202e": false, `&lt;b&gt;\u202e`: true, "--out=&#39;a b/$(x)&#39;": true,
		"<li>&lt;i&gt;</li>": true} {
		if strings.Contains(text, what) != want {
			t.Errorf("%q is in the page: %v, want %v", what, !want, want)
		}
	}
}

func TestComparePageInABrowser(t *testing.T) {
	browser(t)
	one := collect(t, outline{dir: "one", epochs: 20, of: 40, fit: 0.5, probe: 0.2}.write(t, t.TempDir()))
	for name, c := range map[string]*Comparison{"one run": one, "eight runs": variants(t), "a ladder": ladder(t)} {
		text := comparePage(t, c)
		act := `<script>try {
for (const figure of document.querySelectorAll("figure")) for (const o of [...(figure.querySelector("select") || {options: []}).options].reverse()) {
  const choice = figure.querySelector("select");
  choice.value = o.value; choice.onchange();
  for (const svg of figure.querySelectorAll(".plots svg")) for (const key of ["ArrowRight", "ArrowDown", "End", "Home", "Escape"])
    svg.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
}
document.querySelector("#runs tr[data-link]").dispatchEvent(new PointerEvent("pointerenter"));
document.documentElement.dataset.lit = document.querySelectorAll(".dim .lit").length > 0;
} catch (e) { fail(e.stack) }</script></body>`
		dom := opened(t, strings.Replace(text, "</body>", act, 1), 1000)
		if head := dom[:min(len(dom), 300)]; !strings.Contains(head, `data-errors="0"`) ||
			!strings.Contains(head, `data-lit="true"`) {
			t.Errorf("%s: %s", name, head)
		}
	}
}
