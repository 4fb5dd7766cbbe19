package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"memprobe/probe/result"
)

// Write writes a comparison into dir, made if need be: the table as
// comparison.csv, .md and .json, and, as formats asks, a PNG a figure,
// comparison.pdf, comparison.html, and every figure for papers in the folder figures. It returns the paths of the files. Every file
// appears whole or not at all.
func (c *Comparison) Write(dir string, t *Table, formats []string) ([]string, error) {
	figures, err := c.figures()
	if err != nil {
		return nil, err
	}
	of := c.pageOf(t)
	var drawn []file
	if slices.Contains(formats, "png") {
		drawn = append(drawn, pngs(figures)...)
	}
	if slices.Contains(formats, "pdf") {
		drawn = append(drawn, file{"comparison.pdf", func(w io.Writer) error { return writePDF(w, of, figures) }})
	}
	if slices.Contains(formats, "svg") {
		drawn = append(drawn, papers(figures)...)
	}
	if slices.Contains(formats, "html") {
		drawn = append(drawn, file{"comparison.html", of.Write})
	}
	out := &folder{dir: dir}
	out.writeAll(drawn)
	for _, f := range [][2]string{{".csv", "csv"}, {".md", "markdown"}, {".json", "json"}} {
		out.write("comparison"+f[0], func(w io.Writer) error { return t.Write(w, f[1]) })
	}
	slices.Sort(out.files)
	return out.files, out.err
}

// figures draws for paper what the page shows.
func (c *Comparison) figures() ([]figure, error) { return paperFigures(c.pageFigures()) }

// metrics are those besides k-NN that the last probes of entries describe.
func (c *Comparison) metrics() []result.Metric {
	var out []result.Metric
	for _, e := range c.Entries {
		p := e.last()
		if p == nil {
			continue
		}
		for _, m := range p.Described() {
			if m.Name != result.NeighboursMetric &&
				!slices.ContainsFunc(out, func(o result.Metric) bool { return o.Name == m.Name }) {
				out = append(out, m)
			}
		}
	}
	return out
}

// Omitted says which runs the figures show where there are too many to be told
// apart; "" where there are not.
func (c *Comparison) Omitted() string {
	gs := c.groups()
	shown, omitted := legible(gs)
	if omitted == 0 {
		return ""
	}
	order := experiment(c.Differs)
	if c.by != nil {
		order = c.by
	}
	return fmt.Sprintf("layers and epochs show %d of %d runs, evenly spaced in the order of %s",
		len(shown), len(gs), strings.Join(order, ", "))
}

// Sentence is what came of an entry in words, with the numbers that say so.
func (e *Entry) Sentence() string { return e.name() + ": " + e.became() }

// name tells e from all others.
func (e *Entry) name() string {
	if e.Seeds != "" {
		return e.Label + " (" + e.Seeds + ")"
	}
	return e.Label
}

// became is what came of e in words.
func (e *Entry) became() string {
	o, s := e.Outcome(), ""
	switch {
	case o.Verdict != nil:
		s += o.Verdict.Word + ": " + o.Verdict.Why()
	case !math.IsNaN(o.Probe):
		s += fmt.Sprintf("no verdict: fit %s, probe %s, untrained %s", show(o.BestFit()), show(o.Probe), show(o.Untrained))
	default:
		s += "no verdict: not probed"
	}
	if e.Run != nil && !e.Run.Finished {
		if o.Epoch >= 0 {
			s += fmt.Sprintf(", at epoch %d", o.Epoch)
		}
		s += " (" + e.State() + ")"
	}
	return s
}
