package report

import (
	"io"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// widths are those of figures in a paper.
var widths = []struct {
	name    string
	width   vg.Length
	columns int
}{{"one-column", 85 * vg.Millimeter, 1}, {"two-columns", 178 * vg.Millimeter, 2}}

// papers are files of every figure for one and for two columns of a paper, as SVG and as
// PDF, in the folder figures.
func papers(figures []figure) []file {
	var out []file
	for _, drawn := range figures {
		for _, w := range widths {
			own := drawn.paper(w.width, w.columns)
			name := "figures/" + drawn.name + "-" + w.name
			out = append(out, file{name + ".svg", own.svg}, file{name + ".pdf", own.pdf})
		}
	}
	return out
}

// paper is f for so many columns of a paper of a width in all: without a title, which
// is the caption's, the legend below, and no more names at the axes than there is room.
func (f figure) paper(width vg.Length, columns int) figure {
	f = f.withLegendBelow()
	if f.rigid {
		f.height *= width / f.width
		f.width = width
		return f
	}
	f.width = width
	high := 66 * vg.Millimeter
	if f.across > 2 { // a grid of small ones
		f.across, high = columns+1, 46*vg.Millimeter
	} else {
		f.across = columns
	}
	f.across = min(f.across, len(f.panels))
	rows := (len(f.panels) + f.across - 1) / f.across
	f.height = high * vg.Length(rows)
	wide := width / vg.Length(f.across)
	panels := f.panels
	f.panels = nil
	for _, p := range panels {
		q := *p
		lines := strings.Split(q.Title.Text, "\n")
		q.Title.TextStyle.Font = face(9)
		q.Title.Text = fitted(lines[0], wide-30, q.Title.TextStyle)
		if len(panels) == 1 {
			q.Title.Text, q.Title.Padding = "", 0
		}
		for _, a := range []*plot.Axis{&q.X, &q.Y} {
			a.Tick.Label.Font, a.Label.TextStyle.Font = face(7), face(8)
		}
		const across, down = 13, 9 // points from one name to the next
		q.X.Tick.Marker = thinned(q.X.Tick.Marker, int((wide-50)/across), 22)
		q.Y.Tick.Marker = thinned(q.Y.Tick.Marker, int((high-60)/down), 22)
		for _, a := range []struct {
			axis *plot.Axis
			room vg.Length
		}{{&q.X, wide - 40}, {&q.Y, high - 60}} {
			a.axis.Label.Text = fitted(a.axis.Label.Text, a.room, a.axis.Label.TextStyle)
		}
		f.panels = append(f.panels, &q)
	}
	return f
}

// thinned leaves of the names of an axis at most so many, each of at most so many
// characters, evenly spaced from the last. Ticks that are numbers stay.
func thinned(t plot.Ticker, most, characters int) plot.Ticker {
	all, ok := t.(plot.ConstantTicks)
	if !ok {
		return t
	}
	var named, out plot.ConstantTicks
	for _, tick := range all {
		if tick.Label != "" {
			tick.Label = shorten(tick.Label, characters)
			named = append(named, tick)
		}
	}
	step := max(1, (len(named)+most-1)/max(1, most))
	for i, tick := range named {
		if (len(named)-1-i)%step == 0 {
			out = append(out, tick)
		}
	}
	return out
}

func (f figure) pdf(w io.Writer) error {
	wide, high := f.size()
	c := newCanvas(wide, high)
	f.draw(margin(draw.NewCanvas(c, wide, high)))
	return c.writeTo(w)
}

// svg writes f with its text as text, in fonts of the same widths where Liberation
// Sans is not there.
func (f figure) svg(w io.Writer) error {
	c := vgsvg.New(f.size())
	f.draw(margin(draw.New(c)))
	var b strings.Builder
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), "font-family:Liberation Sans",
		"font-family:Liberation Sans, Arial, Helvetica, sans-serif"))
	return err
}
