package report

import (
	"cmp"
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
	return &page.Page{Title: "memprobe: comparison", Kicker: visible.Line(sharedSettings(c.Entries)), Lead: c.lead(),
		Numbers: c.keyNumbers(), Notes: visible.Lines(c.Notes), Figures: c.pageFigures(),
		Tables: []page.Table{rowsOf(t), c.inWords()}, Definitions: c.definitions(), Settings: c.allSettings(),
		Commands: c.commands(), Provenance: c.provenance(), Citation: citation}
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

// judged is what came of the entries of a group that have a verdict.
type judged struct {
	label    string
	words    []string // of the verdicts
	plain    string   // the first of them in plain words
	margin   float64  // the mean
	interval result.Interval
}

// judge returns the verdicts of groups, without those that have none.
func judge(gs []group) []judged {
	var out []judged
	for _, g := range gs {
		j := judged{label: visible.Line(g.label)}
		var verdicts []*result.Verdict
		var margins []float64
		for _, e := range g.entries {
			v := e.Outcome().Verdict
			if v == nil {
				continue
			}
			if len(verdicts) == 0 {
				_, j.plain = inPlainWords(v.Word, trainedOn(e.last()), samples(e.last()))
			}
			verdicts, margins, j.words = append(verdicts, v), append(margins, float64(v.Margin)), append(j.words, v.Word)
		}
		if len(verdicts) > 0 {
			j.margin, _, _ = mean(margins)
			j.interval = overSeeds(verdicts)
			out = append(out, j)
		}
	}
	return out
}

// memorized tells that all networks know their labels by heart.
func (j judged) memorized() bool {
	return !slices.Contains(j.words, result.NotMemorized) && !slices.Contains(j.words, result.TrueLabels)
}

// sentence is the verdict of a group in words, with the number that carries it.
func (j judged) sentence() string {
	what := strings.TrimSuffix(j.plain, ".")
	if kinds := tally(j.words); kinds != j.words[0] {
		what = kinds
	}
	s := fmt.Sprintf("%s: %s (%s points against untrained networks, 95 %% interval %s to %s",
		j.label, what, signed(j.margin), signed(j.interval.Low()), signed(j.interval.High()))
	if len(j.words) > 1 {
		s += fmt.Sprintf(", mean of %d", len(j.words))
	}
	return s + ")."
}

// lead counts the verdicts, and lays the ends side by side of what those groups span that
// know their labels by heart, or all where none does.
func (c *Comparison) lead() page.Lead {
	var words []string
	for _, e := range c.Entries {
		word := "without a verdict"
		if v := e.Outcome().Verdict; v != nil {
			word = v.Word
		}
		words = append(words, word)
	}
	l := page.Lead{Tone: page.Neutral, Plain: fmt.Sprintf("%d runs side by side: %s.", len(c.Entries), tally(words))}
	if len(c.Entries) == 1 {
		l.Plain = "One run: " + words[0] + "."
	}
	all := judge(c.groups())
	if by := slices.DeleteFunc(slices.Clone(all), func(j judged) bool { return !j.memorized() }); len(by) > 0 {
		all = by
	}
	if len(all) == 0 {
		return l
	}
	order := func(a, b judged) int { return cmp.Compare(a.margin, b.margin) }
	best, worst := slices.MaxFunc(all, order), slices.MinFunc(all, order)
	l.Number = best.sentence()
	if worst.label != best.label {
		l.Where = worst.sentence()
		l.Change = "Points are of test images whose nearest neighbours name their true class, at the embedding: how " +
			"many more of 100 than with untrained networks."
	}
	return l
}

// keyNumbers are the margins of the first groups.
func (c *Comparison) keyNumbers() []page.Number {
	shown, _ := legible(judge(c.groups()))
	var out []page.Number
	for _, j := range shown {
		out = append(out, page.Number{Name: "margin: " + j.label, Value: show(j.margin), Interval: between(&j.interval)})
	}
	return out
}

// rowsOf is a table as pages have it.
func rowsOf(t *Table) page.Table {
	out := page.Table{ID: "runs", Title: "All runs", Columns: visible.Names(t.Columns),
		Note: "Columns that differ first.",
		Hint: "A click on a column sorts by it; a row lights its run in all figures."}
	for _, r := range t.rows {
		out.Rows = append(out.Rows, page.Row{Link: r[0].link, Cells: cellsOf(r)})
	}
	return out
}

// inWords is a table of what came of each entry, in words.
func (c *Comparison) inWords() page.Table {
	out := page.Table{ID: "words", Title: "Every run in words", Columns: []string{"run", "what came of it", "folder"}}
	link := runLinks(c.groups())
	for _, e := range c.Entries {
		out.Rows = append(out.Rows, page.Row{Link: link[e],
			Cells: cellsOf([]value{textual(visible.Line(e.name())), textual(visible.Line(e.became())),
				textual(visible.Line(e.Path))})})
	}
	return out
}

// definitions are those of all metrics of the entries, and of the numbers of the table.
func (c *Comparison) definitions() []page.Definition {
	out := []page.Definition{
		{Name: "fit", Title: "Fit", Text: "Accuracy on the assigned labels; figures and verdicts go by the better of " +
			"clean images and augmented batches"},
		{Name: "margin", Title: "Margin",
			Text: "The probe at the embedding less the mean of the untrained networks; its 95 % interval is over " +
				"queries and draws, and for runs that differ in seeds over these, too"},
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
	add("threads", "the numbers are bit-identical for any number of threads")
	return out
}
