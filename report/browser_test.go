package report

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"memprobe/internal/absent"
	"memprobe/probe/result"
)

// browser returns a browser of this machine. Its tests are left out, and say so, where
// there is none.
func browser(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("opens pages in a browser")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	absent.Skip(t, "no browser here (chromium): no page was opened, and errors of its script are not known")
	return ""
}

// dom opens the file at path in a browser and returns the document that became of it.
func dom(t *testing.T, path string, width int) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 8*time.Minute)
	defer stop()
	out, err := exec.CommandContext(ctx, browser(t), "--headless", "--no-sandbox", "--disable-gpu",
		"--disable-background-networking", "--user-data-dir="+filepath.Join(t.TempDir(), "user"),
		fmt.Sprintf("--window-size=%d,1600", width), "--virtual-time-budget=4000", "--dump-dom", "file://"+path).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// opened writes a page, opens it in a browser and returns the document that became of it.
func opened(t *testing.T, text string, width int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out := dom(t, path, width)
	if _, broken, ok := strings.Cut(out, `<p id="broken">`); ok {
		t.Errorf("%.500s", broken)
	}
	return out
}

// sight is what a frame says of the page in it.
type sight struct {
	Width   int
	Theme   string
	Errors  int
	Broken  string
	Figures int
	Paper   string   // the background
	Wider   []string // what made the page wider than its frame, by the view that was drawn
	Outside []string // texts of figures that reach beyond the page
}

// looks has the page draw every view of every figure, and says whether it stays in its
// frame.
const looks = `<style>* { transition: none !important }</style><script>(() => {
const seen = {Width: innerWidth, Theme: document.documentElement.dataset.theme, Figures: document.querySelectorAll("[data-figure]").length, Wider: [], Outside: []};
const look = what => {
  if (document.documentElement.scrollWidth > innerWidth) seen.Wider.push(what);
  for (const e of document.querySelectorAll(".plots svg text")) {
    const r = e.getBoundingClientRect();
    if (r.left < -1 || r.right > innerWidth + 1) seen.Outside.push(what + ": " + e.textContent);
  }
};
try {
  look("at first");
  for (const figure of document.querySelectorAll("[data-figure]")) {
    const choice = figure.querySelector(".tools select");
    for (const o of [...(choice ? choice.options : [])].reverse()) {
      const now = figure.querySelector(".tools select");
      now.value = o.value; now.onchange();
      look(figure.id + ", " + o.text);
    }
  }
} catch (e) { fail(e.stack); }
seen.Errors = Number(document.documentElement.dataset.errors);
seen.Broken = (document.getElementById("broken") || {}).textContent || "";
seen.Paper = getComputedStyle(document.body).backgroundColor;
seen.Outside = seen.Outside.slice(0, 5);
parent.postMessage(JSON.stringify(seen), "*");
})();</script></body>`

// lookAt opens a page in frames of a desk's and a phone's width, in light and dark, and
// fails where its script does, where it is wider than its frame, or too big.
func lookAt(t *testing.T, text string) {
	t.Helper()
	if len(text) > 5<<20 {
		t.Errorf("the page has %d bytes, want at most 5 MB", len(text))
	}
	dir := t.TempDir()
	var frames strings.Builder
	widths, themes := []int{1300, 390}, []string{"light", "dark"}
	for _, w := range widths {
		for _, theme := range themes {
			fmt.Fprintf(&frames, `<iframe src="page.html?theme=%s" style="border:0;width:%dpx;height:400px"></iframe>`, theme, w)
		}
	}
	outer := `<!doctype html><body><script>addEventListener("message", e => { const p = document.createElement("p"); p.className = "said"; p.textContent = e.data; document.body.append(p); });</script>` + frames.String()
	for name, content := range map[string]string{"page.html": strings.Replace(text, "</body>", looks, 1),
		"outer.html": outer} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]sight{}
	for _, m := range strings.Split(dom(t, filepath.Join(dir, "outer.html"), 1400), `<p class="said">`)[1:] {
		var s sight
		said, _, _ := strings.Cut(m, "</p>")
		if err := json.Unmarshal([]byte(html.UnescapeString(said)), &s); err != nil {
			t.Fatalf("%v in %.200q", err, said)
		}
		seen[fmt.Sprint(s.Width, " ", s.Theme)] = s
	}
	papers := map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(21, 23, 26)"}
	for _, w := range widths {
		for _, theme := range themes {
			s, ok := seen[fmt.Sprint(w, " ", theme)]
			switch {
			case !ok:
				t.Errorf("%d pixels, %s: the page never said anything", w, theme)
			case s.Errors > 0 || s.Figures == 0 || s.Paper != papers[theme]:
				t.Errorf("%d pixels, %s: %d errors (%s), %d figures on %s", w, theme, s.Errors, s.Broken, s.Figures, s.Paper)
			case len(s.Wider) > 0 || len(s.Outside) > 0:
				t.Errorf("%d pixels, %s: wider than the frame: %q; texts outside: %q", w, theme, s.Wider, s.Outside)
			}
		}
	}
}

// Reports of few and of many layers, and comparisons of one run and of six, are drawn at
// both widths and in both themes.
func TestPagesInABrowser(t *testing.T) {
	browser(t)
	for i, layers := range []int{5, 20, 120, 200} {
		t.Run(fmt.Sprintf("report of %d layers", layers),
			func(t *testing.T) { lookAt(t, pageText(t, wholeProbe(layers, 10))) })
		runs := []int{1, 6}[i%2]
		t.Run(fmt.Sprintf("comparison of %d with %d layers", runs, layers), func(t *testing.T) {
			lookAt(t, comparePage(t, collect(t, deepRuns(t, runs, layers))))
		})
	}
}

// deepRuns is a folder of runs of so many layers, each probed twice, with its metrics.
func deepRuns(t *testing.T, runs, layers int) string {
	t.Helper()
	root := t.TempDir()
	augments := []string{"none", "crop-flip", "crop-flip-colour", "full", "isometry", "full-rotations"}
	for i := range runs {
		dir := outline{dir: fmt.Sprint("run", i), config: map[string]any{"augment": augments[i]}, epochs: 40, of: 40,
			fit: 0.95, probe: 0.3, noProbe: true}.write(t, root)
		for _, epoch := range []int{0, 40} {
			p := wholeProbe(layers, 4)
			p.Samples, p.Map, p.Warnings, p.Epoch = nil, nil, nil, &epoch
			for l := range p.Layers {
				p.Layers[l].KNN.True[20] -= result.Number(0.02 * float64(i*epoch) / 40)
			}
			if err := p.WriteFile(filepath.Join(dir, "probe", fmt.Sprintf("epoch-%06d.json", epoch))); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}
