package report

import (
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// key is a legend: it names the curves of a figure beside or below it. Unlike gonum's it flows over
// lines, and shortens what is longer than one.
type key struct {
	style   text.Style
	entries []entry
	thumb   vg.Length // the width of a thumbnail
	flows   bool      // several entries may stand in a line
}

type entry struct {
	name   string
	thumbs []plot.Thumbnailer
}

// The room of an entry, in points.
const (
	lineThumb = 26 // of a curve
	dotThumb  = 8  // of a lone point
	thumbGap  = 5
	entryGap  = 14 // to the next
	entryHigh = 12
)

// Add names a curve that looks as its thumbnails do; none for a remark.
func (l *key) Add(name string, thumbs ...plot.Thumbnailer) {
	l.entries = append(l.entries, entry{name, thumbs})
}

// name adds a curve whose name is not there yet.
func (l *key) name(name string, thumbs ...plot.Thumbnailer) {
	if !slices.ContainsFunc(l.entries, func(e entry) bool { return e.name == name }) {
		l.Add(name, thumbs...)
	}
}

// besideLegend is the legend of a figure of p.
func besideLegend(p *plot.Plot) *key { return &key{style: p.Legend.TextStyle, thumb: lineThumb} }

func (l *key) entryWidth(e entry) vg.Length { return l.thumb + thumbGap + l.style.Width(e.name) }

// width is that of the longest entry.
func (l *key) width() vg.Length {
	wide := vg.Length(0)
	for _, e := range l.entries {
		wide = max(wide, l.entryWidth(e))
	}
	return wide
}

// lines puts the entries in lines of a width.
func (l *key) lines(width vg.Length) [][]entry {
	var lines [][]entry
	x := vg.Length(0)
	for _, e := range l.entries {
		e.name = fitted(e.name, width-l.thumb-thumbGap, l.style)
		w := l.entryWidth(e)
		if len(lines) == 0 || !l.flows || x+entryGap+w > width {
			lines, x = append(lines, nil), -entryGap
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], e)
		x += entryGap + w
	}
	return lines
}

func (l *key) height(width vg.Length) vg.Length { return entryHigh * vg.Length(len(l.lines(width))) }

// draw writes the entries from the top left corner of c.
func (l *key) draw(c draw.Canvas) {
	y := c.Max.Y
	style := l.style
	style.YAlign = draw.YCenter
	for _, line := range l.lines(c.Max.X - c.Min.X + 0.01) { // what is as wide as c fits
		x := c.Min.X
		for _, e := range line {
			for _, t := range e.thumbs {
				t.Thumbnail(&draw.Canvas{Canvas: c.Canvas,
					Rectangle: vg.Rectangle{Min: vg.Point{X: x, Y: y - entryHigh + 2},
						Max: vg.Point{X: x + l.thumb, Y: y - 2}}})
			}
			at := x + l.thumb + thumbGap
			if len(e.thumbs) == 0 {
				at = x
			}
			c.FillText(style, vg.Point{X: at, Y: y - entryHigh/2}, e.name)
			x += l.entryWidth(e) + entryGap
		}
		y -= entryHigh
	}
}

// fitted keeps the beginning of a text, as much as fits in a width.
func fitted(s string, width vg.Length, style text.Style) string {
	r := []rune(s)
	for n := len(r) - 1; style.Width(s) > width && n > 0; n-- {
		s = string(r[:n]) + "…"
	}
	return s
}
