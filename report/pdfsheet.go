package report

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"memprobe/report/page"
)

// The room of a card of a sheet, in points.
const (
	cardWide = 62
	cardSide = 44 // of its picture
	cardLine = 8.5
	cardHigh = cardSide + 3*cardLine + 10
	across   = 12 // cards of a row
)

// picturesName is that of the image of all pictures in the document.
const picturesName = "pictures"

// sheet draws pictures in rows, with their labels below them.
func (d *document) sheet(s page.Sheet, pictures *page.Pictures) {
	if d.y < pageEdge+cardHigh+80 { // its head is not left alone
		d.next()
	}
	d.head(s.Title)
	d.paragraph(9, grey, s.Note)
	d.down(6)
	for i := range s.Cards {
		if i%across == 0 {
			d.down(cardHigh)
		}
		d.card(&s.Cards[i], pictures, pageEdge+vg.Length(i%across)*cardWide)
	}
}

// card draws one picture with its lower left corner at x and the line that is reached.
func (d *document) card(c *page.Card, pictures *page.Pictures, x vg.Length) {
	y := d.y + cardHigh
	if c.Picture > 0 {
		part := pictures.Place(c.Picture)
		side := float64(max(part.Dx(), part.Dy()))
		wide, high := vg.Length(cardSide*float64(part.Dx())/side), vg.Length(cardSide*float64(part.Dy())/side)
		d.pdf.drawPart(picturesName, part, vg.Rectangle{Min: vg.Point{X: x, Y: y - high}, Max: vg.Point{X: x + wide, Y: y}})
	}
	y -= cardSide
	then := ""
	if c.Then != "" {
		then = "→ " + c.Then
	}
	for _, line := range []struct {
		text  string
		style draw.TextStyle
	}{{c.First, coloured(blue)}, {then, coloured(vermillion)}, {c.Text, coloured(grey)}} {
		y -= cardLine
		d.page.FillText(line.style, vg.Point{X: x, Y: y}, fitted(line.text, cardWide-4, line.style))
	}
}
