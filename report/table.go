package report

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"gonum.org/v1/gonum/stat/distuv"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
)

// Table has a row an entry, or a row for all entries of a group, and columns for what
// differs and what came of it.
type Table struct {
	Columns []string
	rows    [][]value
}

// value is a cell: text, or a mean with the sample standard deviation over n runs.
type value struct {
	link     string // of the first cell: what the row is about, as pages name it
	text     string
	mean, sd float64
	n        int
	ends     *result.Interval // of text that is ordered as an interval
}

// interval is a value that shows both ends and is ordered by the lower one.
func interval(i result.Interval) value {
	v := textual(fmt.Sprintf("%.3f to %.3f", i.Low(), i.High()))
	v.ends = &i
	return v
}

// number is what v is ordered by; NaN for text.
func (v value) number() float64 {
	if v.ends != nil {
		return v.ends.Low()
	}
	return v.mean
}

func textual(s string) value { return value{text: s, mean: math.NaN()} }

func (v value) String() string {
	switch {
	case v.text != "" || math.IsNaN(v.mean):
		return v.text
	case v.n > 1:
		return fmt.Sprintf("%.3f ± %.3f", v.mean, v.sd)
	}
	return fmt.Sprintf("%.3f", v.mean)
}

// Key is what v is ordered by: the number in full, or the text.
func (v value) Key() string {
	if math.IsNaN(v.number()) {
		return v.text
	}
	return printed(v.number())
}

// deviation prints v's spread, "" where it has none.
func (v value) deviation() string {
	if v.n < 2 {
		return ""
	}
	return printed(v.sd)
}

// measure is a number of a table with its column.
type measure struct {
	column string
	of     func(o *Outcome) float64
}

// always are the measures of every table.
var always = []measure{
	{"probe", func(o *Outcome) float64 { return o.Probe }},
	{"untrained", func(o *Outcome) float64 { return o.Untrained }},
	{"margin", func(o *Outcome) float64 { return o.Margin }},
	{"fit", func(o *Outcome) float64 { return o.Fit }},
	{"fit augmented", func(o *Outcome) float64 { return o.FitAugmented }},
	{"test", func(o *Outcome) float64 { return o.Test }},
	{"assigned", func(o *Outcome) float64 { return o.Assigned }},
	{"pixels", func(o *Outcome) float64 { return o.Pixels }},
}

// measures are those of every table, and what the metrics say of the embedding.
func (c *Comparison) measures() []measure {
	all := slices.Clone(always)
	for _, m := range c.metrics() {
		for _, part := range m.Parts {
			all = append(all, measure{part.Column, func(o *Outcome) float64 { return o.Embedding.At(part.Key, 0) }})
		}
	}
	return all
}

// Table returns the table of c. With each, every entry has a row of its own.
func (c *Comparison) Table(each bool) *Table {
	var rows []group
	if each {
		for _, e := range c.Entries {
			rows = append(rows, group{e.name(), []*Entry{e}})
		}
	} else {
		rows = c.groups()
	}
	folded := slices.ContainsFunc(rows, func(g group) bool { return len(g.entries) > 1 })
	t := &Table{Columns: []string{"run"}}
	keys, count := c.Differs, "seeds"
	switch {
	case folded && c.by != nil:
		keys, count = c.by, "runs"
	case folded:
		keys = without(keys, seedKeys)
	}
	t.Columns = append(t.Columns, keys...)
	measures := c.measures()
	t.Columns = append(t.Columns, "verdict")
	for _, m := range measures {
		if t.Columns = append(t.Columns, m.column); m.column == "margin" {
			t.Columns = append(t.Columns, "margin 95 %")
		}
	}
	if folded {
		t.Columns = append(t.Columns, count)
	}
	t.Columns = append(t.Columns, "state")
	link := runLinks(c.groups())
	for _, g := range rows {
		row := g.row(keys, measures, folded)
		row[0].link = link[g.entries[0]]
		t.rows = append(t.rows, row)
	}
	t.dropEmpty()
	return t
}

// row has the values of keys of g's first entry, its verdicts, the means of its measures
// with the interval of the margin, and how many and how far its entries are.
func (g group) row(keys []string, measures []measure, folded bool) []value {
	row := []value{textual(g.label)}
	for _, k := range keys {
		v := g.entries[0].Config[k]
		cell := textual(printed(v))
		if x, ok := v.(float64); ok {
			cell.mean = x
		}
		row = append(row, cell)
	}
	outcomes := make([]Outcome, len(g.entries))
	var verdicts, states []string
	var judged []*result.Verdict
	for i, e := range g.entries {
		outcomes[i] = e.Outcome()
		if v := outcomes[i].Verdict; v != nil {
			verdicts = append(verdicts, v.Word)
			judged = append(judged, v)
		}
		states = append(states, e.State())
	}
	ends := textual("")
	if len(judged) > 0 {
		ends = interval(overSeeds(judged))
	}
	row = append(row, textual(tally(verdicts)))
	for _, m := range measures {
		var values []float64
		for i := range outcomes {
			values = append(values, m.of(&outcomes[i]))
		}
		var v value
		v.mean, v.sd, v.n = mean(values)
		if row = append(row, v); m.column == "margin" {
			row = append(row, ends)
		}
	}
	if folded {
		row = append(row, value{text: strconv.Itoa(len(g.entries)), mean: float64(len(g.entries))})
	}
	return append(row, textual(tally(states)))
}

// overSeeds is the 95 % interval of the mean margin of runs that differ in seeds alone:
// of one, its own; of S, with sample standard deviation s,
//
//	mean ± √((t·s/√S)² + h²),  t Student's 97.5 % quantile of S−1 degrees, h the mean half width
//
// Runs ask the same queries, so averaging over them does not lessen what queries
// contribute; that h also has what differs between draws makes the interval too wide
// rather than too short.
func overSeeds(verdicts []*result.Verdict) result.Interval {
	n := float64(len(verdicts))
	if len(verdicts) == 1 {
		return verdicts[0].CI
	}
	margins, half := make([]float64, len(verdicts)), 0.0
	for i, v := range verdicts {
		margins[i] = float64(v.Margin)
		half += (v.CI.High() - v.CI.Low()) / 2 / n
	}
	m, sd, _ := mean(margins)
	t := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975)
	wide := math.Hypot(t*sd/math.Sqrt(n), half)
	return result.Interval{result.Number(m - wide), result.Number(m + wide)}
}

// tally prints words with how often each stands, where there is more than one.
func tally(words []string) string {
	var kinds []string
	count := map[string]int{}
	for _, w := range words {
		if count[w]++; count[w] == 1 {
			kinds = append(kinds, w)
		}
	}
	if len(kinds) == 1 {
		return kinds[0]
	}
	for i, w := range kinds {
		kinds[i] = fmt.Sprintf("%d %s", count[w], w)
	}
	return strings.Join(kinds, ", ")
}

// dropEmpty takes out the columns in which nothing stands, and that of the states
// where all is finished or a report.
func (t *Table) dropEmpty() {
	for i := len(t.Columns) - 1; i > 0; i-- {
		idle := func(r []value) bool {
			s := r[i].String()
			return s == "" || t.Columns[i] == "state" && (s == "finished" || s == "report")
		}
		if !slices.ContainsFunc(t.rows, func(r []value) bool { return !idle(r) }) {
			t.Columns = slices.Delete(t.Columns, i, i+1)
			for j := range t.rows {
				t.rows[j] = slices.Delete(t.rows[j], i, i+1)
			}
		}
	}
}

// Sort orders the rows by a column, numbers by size; a minus before its name
// reverses the order. What was not measured comes last either way. The error says
// which columns there are.
func (t *Table) Sort(by string) error {
	name, down := strings.CutPrefix(by, "-")
	i := slices.Index(t.Columns, name)
	if i < 0 {
		return fmt.Errorf("%q, want one of %s, with a minus before it for the reverse", by, strings.Join(t.Columns, ", "))
	}
	slices.SortStableFunc(t.rows, func(a, b []value) int {
		x, y := a[i], b[i]
		if x.String() == "" || y.String() == "" {
			return cmp.Compare(one(x.String() == ""), one(y.String() == ""))
		}
		order := cmp.Compare(x.text, y.text)
		if x, y := x.number(), y.number(); !math.IsNaN(x) && !math.IsNaN(y) {
			order = cmp.Compare(x, y)
		}
		if down {
			return -order
		}
		return order
	})
	return nil
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TableFormats are the formats of Write.
func TableFormats() []string { return []string{"text", "csv", "markdown", "json", "latex"} }

// Write writes the table in one of TableFormats.
func (t *Table) Write(w io.Writer, format string) error {
	switch format {
	case "csv":
		return t.csv(w)
	case "markdown":
		return t.markdown(w)
	case "json":
		return t.json(w)
	case "latex":
		return t.latex(w)
	}
	return t.text(w)
}

func (t *Table) text(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(visible.Names(t.Columns), "\t"))
	for _, r := range t.rows {
		fmt.Fprintln(tw, strings.Join(visible.Names(texts(r, "-")), "\t"))
	}
	return tw.Flush()
}

// inMarkdown keeps a text in its cell, as text.
var inMarkdown = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "&", "&amp;", "`", "\\`", "[", `\[`, "*", `\*`)

func (t *Table) markdown(w io.Writer) error {
	row := func(cells []string) error {
		cells = visible.Names(cells)
		for i, c := range cells {
			cells[i] = inMarkdown.Replace(c)
		}
		_, err := fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
		return err
	}
	err := row(t.Columns)
	fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", len(t.Columns)))
	for _, r := range t.rows {
		err = cmp.Or(err, row(texts(r, "")))
	}
	return err
}

func texts(row []value, empty string) []string {
	out := make([]string, len(row))
	for i, v := range row {
		out[i] = cmp.Or(v.String(), empty)
	}
	return out
}

// spread tells which columns need one more for the deviation.
func (t *Table) spread(i int) bool {
	return slices.ContainsFunc(t.rows, func(r []value) bool { return r[i].n > 1 })
}

// ranges tells which columns are of intervals.
func (t *Table) ranges(i int) bool {
	return slices.ContainsFunc(t.rows, func(r []value) bool { return r[i].ends != nil })
}

// csv writes numbers in full; a column over seeds is followed by its deviation,
// "NAME sd", and one of intervals is two, "NAME low" and "NAME high".
func (t *Table) csv(w io.Writer) error {
	c := csv.NewWriter(w)
	var header []string
	for i, name := range t.Columns {
		name = textCell(name)
		switch {
		case t.ranges(i):
			header = append(header, name+" low", name+" high")
		case t.spread(i):
			header = append(header, name, name+" sd")
		default:
			header = append(header, name)
		}
	}
	lines := [][]string{header}
	for _, r := range t.rows {
		var line []string
		for i, v := range r {
			cell := textCell(cmp.Or(v.text, v.Key()))
			switch {
			case v.ends != nil:
				line = append(line, printed(v.ends.Low()), printed(v.ends.High()))
			case t.ranges(i):
				line = append(line, "", "")
			case t.spread(i):
				line = append(line, cell, v.deviation())
			default:
				line = append(line, cell)
			}
		}
		lines = append(lines, line)
	}
	return c.WriteAll(lines)
}

// TableSchema names the format of the table as JSON.
const TableSchema = "memprobe.compare/1"

// json writes an object a row, by column; a number of a group is an object of mean, sd
// and n, an interval one of low and high.
func (t *Table) json(w io.Writer) error {
	rows := make([]map[string]any, len(t.rows))
	for j, r := range t.rows {
		rows[j] = map[string]any{}
		for i, v := range r {
			switch {
			case v.String() == "":
			case v.ends != nil:
				rows[j][t.Columns[i]] = map[string]any{"low": v.ends[0], "high": v.ends[1]}
			case v.n > 1:
				rows[j][t.Columns[i]] = map[string]any{"mean": result.Number(v.mean), "sd": result.Number(v.sd), "n": v.n}
			case !math.IsNaN(v.mean):
				rows[j][t.Columns[i]] = result.Number(v.mean)
			default:
				rows[j][t.Columns[i]] = v.text
			}
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"schema": TableSchema, "columns": t.Columns, "rows": rows})
}
