package report

import (
	"image/color"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"memprobe/report/page"
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

// writePDF writes what a page holds for print: the headline and the key numbers, a
// page for each figure with its caption, and all tables, definitions and settings.
func writePDF(w io.Writer, p *page.Page, figures []figure) error {
	pdf := newCanvas(pageWidth, pageHeight)
	d := &document{pdf, draw.NewCanvas(pdf, pageWidth, pageHeight), pageHeight - pageEdge}
	d.title(p)
	for _, f := range figures {
		d.next()
		d.figure(f)
	}
	d.next()
	jpg, err := p.Pictures.JPEG()
	if err != nil {
		return err
	}
	if jpg != nil {
		pdf.register(picturesName, jpg)
	}
	for _, s := range p.Sheets {
		d.sheet(s, p.Pictures)
	}
	for _, t := range p.Tables {
		d.head(t.Title)
		d.paragraph(9, grey, t.Note)
		d.rows(t)
	}
	d.head("What the numbers are")
	for _, m := range p.Definitions {
		text := m.Text + "."
		for _, more := range [][2]string{{"Unit", m.Unit}, {"Measured", m.Settings}, {"Source", m.Source}} {
			if more[1] != "" {
				text += " " + more[0] + ": " + more[1] + "."
			}
		}
		d.fact(m.Name, text)
	}
	d.head("How to reproduce")
	for _, c := range p.Commands {
		d.fact("command", c)
	}
	d.facts(p.Provenance)
	d.head("All settings")
	d.facts(p.Settings)
	d.head("Citation")
	for _, line := range strings.Split(p.Citation, "\n") {
		d.paragraph(9, nil, line)
	}
	return d.pdf.writeTo(w)
}

// tones are the colours of verdicts.
var tones = map[page.Tone]color.Color{page.Good: green, page.Bad: vermillion, page.Open: orange, page.Neutral: blue}

// title fills the first page: what was found, and the numbers that say so.
func (d *document) title(p *page.Page) {
	d.paragraph(10, grey, p.Kicker)
	d.down(vg.Points(12))
	if p.Lead.Word != "" {
		d.paragraph(22, tones[p.Lead.Tone], p.Lead.Word)
	}
	d.paragraph(22, nil, p.Lead.Plain)
	d.down(vg.Points(6))
	for _, s := range []string{p.Lead.Number, p.Lead.Where} {
		d.paragraph(13, nil, s)
	}
	d.paragraph(10, grey, p.Lead.Change)
	d.down(vg.Points(14))
	for _, n := range p.Numbers {
		d.fact(n.Value, strings.TrimSpace(n.Name+"   "+n.Interval))
	}
	for _, n := range p.Notes {
		d.fact("warning", n)
	}
}

// head begins a part, on a new page where only a few lines would follow it.
func (d *document) head(s string) {
	if d.y < pageEdge+vg.Points(80) {
		d.next()
	}
	d.down(vg.Points(18))
	d.paragraph(14, nil, s)
}

// paragraph writes a text over the width of the page.
func (d *document) paragraph(size float64, c color.Color, s string) {
	st := textStyle(size)
	st.Color = c
	if s == "" {
		return
	}
	for _, line := range wrap(s, pageWidth-2*pageEdge, st.Width) {
		d.down(vg.Points(1.3 * size))
		d.page.FillText(st, vg.Point{X: pageEdge, Y: d.y}, line)
	}
}

func (d *document) facts(all [][2]string) {
	for _, f := range all {
		d.fact(f[0], f[1])
	}
}

func textStyle(size float64) draw.TextStyle {
	return draw.TextStyle{Font: face(size), Handler: plot.DefaultTextHandler}
}

func coloured(c color.Color) draw.TextStyle {
	st := textStyle(6.5)
	st.Color = c
	return st
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

// fact is a name and what there is to say of it. Long names have a line of their own.
func (d *document) fact(name, text string) {
	st := textStyle(9)
	const indent = pageEdge + 1.5*vg.Inch
	for i, line := range wrap(text, pageWidth-pageEdge-indent, st.Width) {
		if i > 0 {
			d.down(vg.Points(12))
		} else {
			d.down(vg.Points(16))
			st.Color = grey
			d.page.FillText(st, vg.Point{X: pageEdge, Y: d.y}, name)
			if st.Width(name) > indent-pageEdge-8 {
				d.down(vg.Points(12))
			}
			st.Color = nil
		}
		d.page.FillText(st, vg.Point{X: indent, Y: d.y}, line)
	}
}

// rows writes a table; one of long texts as facts.
func (d *document) rows(t page.Table) {
	const longest = 60 // characters of a cell
	if slices.ContainsFunc(t.Rows, func(r page.Row) bool {
		return slices.ContainsFunc(r.Cells[1:], func(c page.Cell) bool { return len(c.Text) > longest })
	}) {
		for _, r := range t.Rows {
			d.fact(r.Cells[0].Text, r.Cells[1].Text)
		}
		return
	}
	rows := [][]string{t.Columns}
	for _, r := range t.Rows {
		var cells []string
		for i, c := range r.Cells {
			if i == 0 {
				c.Text = shorten(c.Text, 40)
			}
			cells = append(cells, c.Text)
		}
		rows = append(rows, cells)
	}
	d.table(rows)
}

// The letters of tables, in points, and the room between columns.
const tableSize, tableGap = 7.5, 10

// table writes columns as wide as their text. Where they are wider than the page, the
// columns that do not fit follow below, with the first one repeated.
func (d *document) table(rows [][]string) {
	st := textStyle(tableSize)
	wide := make([]vg.Length, len(rows[0]))
	for i := range wide {
		for _, r := range rows {
			wide[i] = max(wide[i], st.Width(r[i])+tableGap)
		}
	}
	for from := 1; from < len(wide) || from == 1; {
		to, all := from, wide[0]
		for to < len(wide) && (to == from || all+wide[to] <= pageWidth-2*pageEdge) {
			all += wide[to]
			to++
		}
		d.columns(rows, wide, from, to)
		from = max(to, from+1)
	}
}

// columns writes the first column and those from one to before another. The head
// stands on every page.
func (d *document) columns(rows [][]string, wide []vg.Length, from, to int) {
	st := textStyle(tableSize)
	const line = 1.7 * tableSize
	write := func(r []string) {
		d.page.FillText(st, vg.Point{X: pageEdge, Y: d.y}, r[0])
		x := pageEdge + wide[0] - tableGap
		right := st
		right.XAlign = draw.XRight
		for i := from; i < to; i++ {
			x += wide[i]
			d.page.FillText(right, vg.Point{X: x, Y: d.y}, r[i])
		}
		d.page.StrokeLine2(draw.LineStyle{Color: faint, Width: vg.Points(0.5)}, pageEdge, d.y-line/3, x, d.y-line/3)
	}
	d.down(line)
	for i, r := range rows {
		if i > 0 && d.y-line < pageEdge {
			d.next()
			d.down(line)
			write(rows[0])
		}
		d.down(line)
		write(r)
	}
	d.down(line)
}

// figure draws f over its caption, enlarged at most a little.
func (d *document) figure(f figure) {
	st := textStyle(9)
	var lines []string
	if f.caption != "" {
		lines = wrap(f.caption, pageWidth-2*pageEdge, st.Width)
	}
	foot := pageEdge + vg.Points(12)*vg.Length(len(lines))
	room := pageHeight - pageEdge - foot - 8
	if f.legend != nil && f.rigid {
		f = f.withLegendBelow()
	}
	if f.legend != nil && !f.rigid { // its curves fill the page
		f = f.withLegendBelow()
		f.width = pageWidth - 2*pageEdge
		f.height = room - legendGap - f.legend.height(f.width-2*edge)
	}
	wide, high := f.size()
	scale := min(1.4, (pageWidth-2*pageEdge)/wide, room/high)
	x, low := (pageWidth-scale*wide)/2, foot+8+(room-scale*high)/2
	f.draw(draw.Crop(d.page, x, -x, low, low+scale*high-pageHeight))
	for i, line := range lines {
		d.page.FillText(st, vg.Point{X: pageEdge, Y: foot - vg.Points(12*float64(i+1))}, line)
	}
}

// wrap breaks a text into lines at spaces, or anywhere in a word that is wider than a
// line.
func wrap(s string, width vg.Length, measure func(string) vg.Length) []string {
	s = strings.ToValidUTF8(s, "?")
	var lines []string
	begin, space := 0, -1 // of the line; its last space
	fits := 0             // the end of the last word that is in the line as a whole
	for i, r := range s {
		if r == ' ' {
			space = i
			continue
		}
		if i < fits {
			continue
		}
		end := len(s)
		if n := strings.IndexByte(s[i:], ' '); n >= 0 {
			end = i + n
		}
		if measure(s[begin:end]) <= width {
			fits = end
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
