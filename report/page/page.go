package page

import (
	"embed"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"

	"memprobe/probe/result"
)

// Page is what a document holds, in the order in which it is shown.
type Page struct {
	Title   string // of the document and its tab
	Kicker  string // what it is about, over the headline
	Lead    Lead
	Numbers []Number // the key numbers, beside the headline
	Notes   []string // why a reader may doubt the numbers

	Figures  []Figure
	Sheets   []Sheet
	Tables   []Table
	Pictures *Pictures // of sheets, tables and maps; nil: none

	Definitions []Definition
	Settings    [][2]string // all of them, by name
	Commands    []string    // that make the numbers anew
	Provenance  [][2]string // versions, seeds and fingerprints
	Citation    string      // BibTeX
}

// Lead is the headline: what was found, for a reader outside the field.
type Lead struct {
	Tone   Tone
	Word   string // the verdict as the tables have it; "" for none
	Plain  string // the verdict in plain words, a sentence
	Number string // the one number that carries it, a sentence
	Change string // what would change it, a sentence
	Where  string // where memorization begins, a sentence
}

// Tone is the colour of a headline.
type Tone string

// The tones.
const (
	Good    Tone = "good"
	Bad     Tone = "bad"
	Open    Tone = "open" // undecided
	Neutral Tone = "neutral"
)

// Number is a key number with its interval in words.
type Number struct{ Name, Value, Interval string }

// Definition says what a metric is.
type Definition struct{ Name, Title, Text, Source, Settings, Unit string }

// Figure is a chart, or several between which a switch chooses.
type Figure struct {
	ID      string
	Title   string
	Caption string // what curves, bands and lines are
	Source  string // of the definition
	Views   []Chart
}

// Table is a table whose rows sort and filter.
type Table struct {
	ID, Title, Note string
	Hint            string // what can be done with it on a screen
	Columns         []string
	Rows            []Row
}

// Textual tells that a column holds texts, which stand at the left, and not numbers.
func (t Table) Textual(column int) bool {
	return slices.ContainsFunc(t.Rows, func(r Row) bool {
		key := r.Cells[column].Key
		_, err := strconv.ParseFloat(key, 64)
		return key != "" && err != nil
	})
}

// Row is a row; Link is what it is about, as in Chart: "layer:3".
type Row struct {
	Link  string
	Cells []Cell
}

// Cell is shown as Text and ordered by Key, a number in full or a text.
type Cell struct {
	Text, Key string
	Picture   int // before the text; 0: none
}

// Class is how a cell stands in its column: texts at the left, long ones in lines.
func (c Cell) Class() string {
	_, err := strconv.ParseFloat(c.Key, 64)
	switch {
	case len(c.Text) > 60:
		return "long"
	case c.Key != "" && err != nil:
		return "text"
	}
	return ""
}

// Kind is how a chart is drawn.
type Kind string

// The kinds of charts.
const (
	Lines   Kind = "lines"   // curves over X
	Scatter Kind = "scatter" // points
	Matrix  Kind = "matrix"  // cells, a row each of Y's names from above
	Panels  Kind = "panels"  // small charts of lines with one range of Y
	Cloud   Kind = "map"     // points that move from layer to layer
)

// Chart is what the script draws. A number that was not measured is NaN, null in JSON.
type Chart struct {
	Name   string  `json:"name,omitempty"` // in the switch
	Paper  string  `json:"-"`              // figure on paper of which it is a panel; "" for none
	Kind   Kind    `json:"kind"`
	Title  string  `json:"title,omitempty"` // of a panel
	Link   string  `json:"link,omitempty"`  // what X's places are: "layer"
	X      Axis    `json:"x"`
	Y      Axis    `json:"y"`
	Curves []Curve `json:"curves,omitempty"`
	Levels []Level `json:"levels,omitempty"`
	Marks  []Mark  `json:"marks,omitempty"`

	Cells [][]result.Number `json:"cells,omitempty"` // of a matrix, a list a row
	Unit  string            `json:"unit,omitempty"`  // of its cells

	Panels []Chart `json:"panels,omitempty"`

	Map *Map `json:"map,omitempty"`
}

// Axis is of names, at 0, 1, 2, …, or of numbers.
type Axis struct {
	Label string   `json:"label,omitempty"`
	Names []string `json:"names,omitempty"` // as they are written at the axis
	Full  []string `json:"full,omitempty"`  // as they are read under the pointer
	Log   bool     `json:"log,omitempty"`
	Low   *float64 `json:"low,omitempty"`   // where the axis begins, unless numbers lie below
	High  *float64 `json:"high,omitempty"`  // beyond which it does not go, unless numbers do
	Ticks []Tick   `json:"ticks,omitempty"` // nil: round numbers
}

// Tick is a place of an axis that has a name.
type Tick struct {
	At   float64 `json:"at"`
	Name string  `json:"name"`
}

// Curve is a curve, or the points of a scatter.
type Curve struct {
	Name   string          `json:"name"`
	Key    string          `json:"key,omitempty"`  // of its numbers in probe.json
	Link   string          `json:"link,omitempty"` // what it is about: "run:3"
	Colour int             `json:"colour"`         // of the palette, Grey for baselines
	Dashed bool            `json:"dashed,omitempty"`
	Area   bool            `json:"area,omitempty"` // a band without a curve
	X      []result.Number `json:"x,omitempty"`    // nil: 0, 1, 2, …
	Y      []result.Number `json:"y"`
	Low    []result.Number `json:"low,omitempty"` // the band
	High   []result.Number `json:"high,omitempty"`
	XLow   []result.Number `json:"xlow,omitempty"`
	XHigh  []result.Number `json:"xhigh,omitempty"`
	Names  []string        `json:"names,omitempty"` // of points, under the pointer
	Links  []string        `json:"links,omitempty"` // of points
	Band   string          `json:"band,omitempty"`  // what it is, in few words
}

// Colours beside the palette's.
const (
	Grey = -1 // of what is compared with
	Ink  = -2 // of text
)

// Level is a line across a chart.
type Level struct {
	Name   string        `json:"name"`
	Value  result.Number `json:"value"`
	Colour int           `json:"colour"`
}

// Mark is a place of X that has a meaning.
type Mark struct {
	At   float64 `json:"at"`
	Name string  `json:"name"`
}

//go:embed page.html *.css *.js
var files embed.FS

var document = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"style": func() (template.CSS, error) { s, err := joined("page.css", "figure.css"); return template.CSS(s), err },
	"script": func() (template.JS, error) {
		s, err := joined("core.js", "axes.js", "charts.js", "map.js", "figure.js", "table.js", "page.js")
		return template.JS(s), err
	},
	"place": place,
}).ParseFS(files, "page.html"))

// joined is the text of files, one after the other.
func joined(names ...string) (string, error) {
	var all strings.Builder
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			return "", err
		}
		all.Write(b)
	}
	return all.String(), nil
}

// Write writes p as one HTML file. Figures and rows that would make it too big are left
// out, and p is told so in its notes.
func (p *Page) Write(w io.Writer) error {
	p.cutTables()
	pictures, err := p.Pictures.style()
	if err != nil {
		return err
	}
	numbers, err := p.numbers(maxFigures - len(pictures))
	if err != nil {
		return err
	}
	return document.Execute(w, struct {
		*Page
		Pictures template.CSS
		Data     template.JS
	}{p, pictures, numbers})
}
