package report

import (
	"image/color"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Okabe and Ito's palette.
var (
	blue       = color.RGBA{0x00, 0x72, 0xb2, 0xff}
	vermillion = color.RGBA{0xd5, 0x5e, 0x00, 0xff}
	grey       = color.RGBA{0x66, 0x66, 0x66, 0xff}
	faint      = color.RGBA{0xdd, 0xdd, 0xdd, 0xff}
	green      = color.RGBA{0x00, 0x9e, 0x73, 0xff}
	purple     = color.RGBA{0xcc, 0x79, 0xa7, 0xff}
	orange     = color.RGBA{0xe6, 0x9f, 0x00, 0xff}
	sky        = color.RGBA{0x56, 0xb4, 0xe9, 0xff}
	black      = color.RGBA{0x00, 0x00, 0x00, 0xff}
)

var (
	dashed = []vg.Length{vg.Points(6), vg.Points(3)}
	dotted = []vg.Length{vg.Points(1.5), vg.Points(2.5)}
)

// face is the font of every text in a figure.
func face(size float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
}

// className is a class's name, or its number where the figures' font lacks a letter
// of it.
func className(name string, number int) string {
	if drawable(name) {
		return name
	}
	return strconv.Itoa(number)
}

// drawable tells whether the figures' font has every letter of a text.
func drawable(s string) bool {
	font := plot.DefaultTextHandler.Cache().Lookup(face(8), 8).Face
	for _, r := range s {
		if glyph, err := font.GlyphIndex(nil, r); err != nil || glyph == 0 {
			return false
		}
	}
	return true
}

// newPlot is an empty plot in the house style.
func newPlot(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.TextStyle.Font = face(11)
	p.Title.Padding = vg.Points(8)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font = face(9)
		a.Tick.Label.Font = face(8)
		a.LineStyle.Color, a.Tick.LineStyle.Color = grey, grey
	}
	p.Legend.TextStyle.Font = face(8)
	p.Legend.ThumbnailWidth = vg.Points(26)
	p.Legend.Padding = vg.Points(2)
	p.BackgroundColor = color.White
	return p
}

// gridY draws faint horizontal lines at the ticks.
func gridY(p *plot.Plot) {
	g := plotter.NewGrid()
	g.Vertical.Color = nil
	g.Horizontal = draw.LineStyle{Color: faint, Width: vg.Points(0.5)}
	p.Add(g)
}
