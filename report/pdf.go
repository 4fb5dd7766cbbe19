package report

import (
	"io"
	"strings"
	"unicode/utf8"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Pages are A4 landscape.
const (
	pageWidth, pageHeight = 11.69 * vg.Inch, 8.27 * vg.Inch
	pageEdge              = 0.6 * vg.Inch
)

// document is filled from the top of its first page to the bottom of its last.
type document struct {
	pdf  *canvas
	page draw.Canvas
	y    vg.Length // of the lowest thing on the page
}

// writePDF writes a line a fact, a table if there are rows, the first of which is its
// head, and a page for each figure; the first stands below the text if it is legible
// there.
func writePDF(w io.Writer, title string, facts [][2]string, rows [][]string, figures []figure) error {
	pdf := newCanvas(pageWidth, pageHeight)
	d := &document{pdf, draw.NewCanvas(pdf, pageWidth, pageHeight), pageHeight - pageEdge}
	d.y -= vg.Points(16)
	d.page.FillText(textStyle(16), vg.Point{X: pageEdge, Y: d.y}, title)
	for _, f := range facts {
		d.fact(f[0], f[1])
	}
	if len(rows) > 0 {
		d.table(rows)
	}
	for i, f := range figures {
		room := d.y - vg.Points(14) - pageEdge
		if i > 0 || room < 0.8*f.height {
			d.next()
			room = d.y - pageEdge
		}
		d.figure(f, room)
	}
	return d.pdf.writeTo(w)
}

func textStyle(size float64) draw.TextStyle {
	return draw.TextStyle{Font: face(size), Handler: plot.DefaultTextHandler}
}

// next begins a page.
func (d *document) next() {
	d.pdf.nextPage()
	d.page, d.y = draw.NewCanvas(d.pdf, pageWidth, pageHeight), pageHeight-pageEdge
}

// down goes to a new line, on the next page if this one is full.
func (d *document) down(by vg.Length) {
	if d.y -= by; d.y < pageEdge {
		d.next()
		d.y -= by
	}
}

func (d *document) fact(name, text string) {
	st := textStyle(9)
	const indent = pageEdge + vg.Inch
	for i, line := range wrap(text, pageWidth-pageEdge-indent, st.Width) {
		if i > 0 {
			d.down(vg.Points(12))
		} else {
			d.down(vg.Points(19))
			st.Color = grey
			d.page.FillText(st, vg.Point{X: pageEdge, Y: d.y}, name)
			st.Color = nil
		}
		d.page.FillText(st, vg.Point{X: indent, Y: d.y}, line)
	}
}

// table writes columns as wide as their text, in letters as small as the width of the
// page asks for. The head stands on every page.
func (d *document) table(rows [][]string) {
	st := textStyle(8)
	const gap = 10 // points between columns
	wide := make([]vg.Length, len(rows[0]))
	all := vg.Length(-gap)
	for i := range wide {
		for _, r := range rows {
			wide[i] = max(wide[i], st.Width(r[i])+gap)
		}
		all += wide[i]
	}
	scale := min(1, (pageWidth-2*pageEdge)/all)
	st.Font.Size *= scale
	line := 1.7 * st.Font.Size
	write := func(r []string) {
		d.page.FillText(st, vg.Point{X: pageEdge, Y: d.y}, r[0])
		x := pageEdge + scale*(wide[0]-gap)
		right := st
		right.XAlign = draw.XRight
		for i := 1; i < len(r); i++ {
			x += scale * wide[i]
			d.page.FillText(right, vg.Point{X: x, Y: d.y}, r[i])
		}
		d.page.StrokeLine2(draw.LineStyle{Color: faint, Width: vg.Points(0.5)}, pageEdge, d.y-line/3, pageEdge+scale*all, d.y-line/3)
	}
	d.y -= line
	for i, r := range rows {
		if i > 0 && d.y-line < pageEdge {
			d.next()
			d.down(line)
			write(rows[0])
		}
		d.down(line)
		write(r)
	}
}

// figure draws f in the middle of the room below what is there, enlarged at most a
// little.
func (d *document) figure(f figure, room vg.Length) {
	wide, high := f.size()
	scale := min(1.4, (pageWidth-2*pageEdge)/wide, room/high)
	x, low := (pageWidth-scale*wide)/2, pageEdge+(room-scale*high)/2
	f.draw(draw.Crop(d.page, x, -x, low, low+scale*high-pageHeight))
}

// wrap breaks a text into lines at spaces, or anywhere in a word that is wider than a
// line.
func wrap(s string, width vg.Length, measure func(string) vg.Length) []string {
	s = strings.ToValidUTF8(s, "?")
	var lines []string
	begin, space := 0, -1 // of the line; its last space
	for i, r := range s {
		if r == ' ' {
			space = i
			continue
		}
		if measure(s[begin:i+utf8.RuneLen(r)]) > width && i > begin {
			cut := i
			if space > begin {
				cut = space
			}
			lines = append(lines, s[begin:cut])
			begin, space = cut, -1
			if s[begin] == ' ' {
				begin++
			}
		}
	}
	return append(lines, s[begin:])
}
