package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
	"memprobe/report/page"
)

// html writes the comparison as one page, with t as its table.
func (c *Comparison) html(w io.Writer, t *Table) error { return c.pageOf(t).Write(w) }

// pageOf is the page of c, with t as its table.
func (c *Comparison) pageOf(t *Table) *page.Page {
	return &page.Page{Title: "memprobe: comparison", Kicker: visible.Line(sharedSettings(c.Entries)), Lead: c.lead(), Numbers: c.keyNumbers(), Notes: visible.Lines(c.Notes),
		Figures: c.pageFigures(), Tables: []page.Table{rowsOf(t), c.inWords()}, Definitions: c.definitions(), Settings: c.allSettings(), Commands: c.commands(),
		Provenance: c.provenance(), Citation: citation}
}

// runLinks is how pages name the group of each entry.
func runLinks(gs []group) map[*Entry]string {
	out := map[*Entry]string{}
	for i, g := range gs {
		for _, e := range g.entries {
			out[e] = fmt.Sprintf("run:%d", i)
		}
	}
	return out
}

// lead counts the verdicts, and names the runs at the ends of what they span.
func (c *Comparison) lead() page.Lead {
	var words []string
	var best, worst *Entry
	for _, e := range c.Entries {
		o := e.Outcome()
		if o.Verdict == nil {
			words = append(words, "without a verdict")
			continue
		}
		words = append(words, o.Verdict.Word)
		if best == nil || o.Margin > best.Outcome().Margin {
			best = e
		}
		if worst == nil || o.Margin < worst.Outcome().Margin {
			worst = e
		}
	}
	l := page.Lead{Tone: page.Neutral, Plain: fmt.Sprintf("%d runs side by side: %s.", len(c.Entries), tally(words))}
	if len(c.Entries) == 1 {
		l.Plain = "One run: " + words[0] + "."
	}
	if best != nil {
		l.Number = sentence(visible.Line(against(best)))
	}
	if worst != nil && worst != best {
		l.Where = sentence(visible.Line(against(worst)))
		l.Change = "The ends of what the runs span, by the margin of the probe at the embedding over untrained networks."
	}
	return l
}

// against is an entry's margin in words.
func against(e *Entry) string {
	v := e.Outcome().Verdict
	_, plainly := inPlainWords(v.Word, trainedOn(e.last()))
	return fmt.Sprintf("%s: %s (%s points against untrained networks, 95 %% interval %s to %s)", e.Label, strings.TrimSuffix(plainly, "."), signed(float64(v.Margin)), signed(v.CI.Low()), signed(v.CI.High()))
}

// keyNumbers are the margins of the first groups.
func (c *Comparison) keyNumbers() []page.Number {
	var out []page.Number
	shown, _ := legible(groups(c.Entries, c.Differs))
	for _, g := range shown {
		var judged []*result.Verdict
		var margins []float64
		for _, e := range g.entries {
			if v := e.Outcome().Verdict; v != nil {
				judged, margins = append(judged, v), append(margins, float64(v.Margin))
			}
		}
		if len(judged) == 0 {
			continue
		}
		m, _, _ := mean(margins)
		i := overSeeds(judged)
		out = append(out, page.Number{Name: "margin: " + visible.Name(g.label), Value: show(m), Interval: between(&i)})
	}
	return out
}

// rowsOf is a table as pages have it.
func rowsOf(t *Table) page.Table {
	out := page.Table{ID: "runs", Title: "All runs", Columns: visible.Names(t.Columns), Note: "Columns that differ first. A click on a column sorts by it; a row lights its run in all figures."}
	for _, r := range t.rows {
		out.Rows = append(out.Rows, page.Row{Link: r[0].link, Cells: cellsOf(r)})
	}
	return out
}

// inWords is a table of what came of each entry, in words.
func (c *Comparison) inWords() page.Table {
	out := page.Table{ID: "words", Title: "Every run in words", Columns: []string{"run", "what came of it", "folder"}}
	link := runLinks(groups(c.Entries, c.Differs))
	for _, e := range c.Entries {
		out.Rows = append(out.Rows, page.Row{Link: link[e], Cells: cellsOf([]value{textual(visible.Line(e.name())), textual(visible.Line(e.became())), textual(visible.Line(e.Path))})})
	}
	return out
}

// definitions are those of all metrics of the entries, and of the numbers of the table.
func (c *Comparison) definitions() []page.Definition {
	out := []page.Definition{
		{Name: "fit", Title: "Fit", Text: "Accuracy on the assigned labels; figures and verdicts go by the better of clean images and augmented batches"},
		{Name: "margin", Title: "Margin", Text: "The probe at the embedding less the mean of the untrained networks; its 95 % interval is over queries and draws, and for runs that differ in seeds over these, too"},
	}
	seen := map[string]bool{}
	for _, e := range c.Entries {
		if e.last() == nil {
			continue
		}
		for _, d := range definitions(e.last()) {
			if !seen[d.Name] {
				seen[d.Name] = true
				out = append(out, d)
			}
		}
	}
	return out
}

// allSettings are the configurations: what is one for all entries, and the values of
// what differs, an entry each.
func (c *Comparison) allSettings() [][2]string {
	keys := map[string]bool{}
	for _, e := range c.Entries {
		for k := range e.Config {
			keys[k] = true
		}
	}
	var out [][2]string
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		v := printed(c.Entries[0].Config[k])
		if slices.Contains(c.Differs, k) {
			var all []string
			for _, e := range c.Entries {
				all = append(all, fmt.Sprintf("%s (%s)", printed(e.Config[k]), e.Label))
			}
			v = strings.Join(all, "; ")
		}
		out = append(out, [2]string{visible.Name(k), shortenEnd(visible.Line(v), maxText)})
	}
	return out
}

// maxCommands is how many commands a page lists.
const maxCommands = 40

// commands make the runs anew: a configuration's keys are the flags of train.
func (c *Comparison) commands() []string {
	var out []string
	for _, e := range c.Entries {
		switch {
		case len(out) == maxCommands:
			return append(out, fmt.Sprintf("# and %d more: each run.json has its own", len(c.Entries)-maxCommands))
		case e.Run != nil:
			out = append(out, visible.Line(trainCommand(e)))
		case e.last().Tool.Command != "":
			out = append(out, visible.Line(e.last().Tool.Command))
		}
	}
	return out
}

func trainCommand(e *Entry) string {
	words := []string{"memprobe", "train"}
	for _, k := range slices.Sorted(maps.Keys(e.Run.Config)) {
		v := printed(e.Run.Config[k])
		if list, ok := e.Run.Config[k].([]any); ok {
			var parts []string
			for _, p := range list {
				parts = append(parts, printed(p))
			}
			v = strings.Join(parts, ",")
		}
		if v != "" {
			words = append(words, "--"+k+"="+visible.Word(v))
		}
	}
	return strings.Join(append(words, "--out="+visible.Word(e.Path)), " ")
}

// provenance is what the runs came from, each thing once.
func (c *Comparison) provenance() [][2]string {
	var out [][2]string
	add := func(name, v string) {
		line := [2]string{name, visible.Line(v)}
		if v != "" && !slices.Contains(out, line) && len(out) < maxSettings {
			out = append(out, line)
		}
	}
	for _, e := range c.Entries {
		if e.Run != nil {
			add("memprobe", strings.TrimSpace(e.Run.Tool.Version+" "+e.Run.Tool.Go))
			add("data, fingerprint", e.Run.Data.Fingerprint)
		}
	}
	for _, e := range c.Entries {
		if p := e.last(); p != nil {
			add("data, fingerprint", p.Data.Fingerprint)
			add("model, SHA-256", p.Model.SHA256)
		}
	}
	add("threads", "the numbers are the same bits for any number of threads")
	return out
}
