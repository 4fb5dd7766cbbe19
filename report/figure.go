package report

import (
	"image"
	"image/png"
	"io"
	"math"
	"sync"

	"git.sr.ht/~sbinet/gg"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"memprobe/internal/memory"
)

// figure is plots in a grid with the size at which they are legible on a page.
type figure struct {
	name          string
	panels        []*plot.Plot
	across        int       // panels side by side; 0: all
	legend        *key      // at the right, or below if it flows; nil for none
	width, height vg.Length // of the panels
	rigid         bool      // the panels keep their shape
	caption       string    // what curves, bars and bands are
}

// Formats are what a report is written in.
func Formats() []string { return []string{"png", "pdf", "html", "svg"} }

// withLegendBelow is f with the whole width for its panels.
func (f figure) withLegendBelow() figure {
	if f.legend != nil {
		flowing := *f.legend
		flowing.flows = true
		f.legend = &flowing
	}
	return f
}

// legendGap is the space between panels and legend.
const legendGap = 12 // points

// size is that of the whole figure.
func (f figure) size() (width, height vg.Length) {
	switch {
	case f.legend == nil:
		return f.width, f.height
	case f.legend.flows:
		return f.width, f.height + legendGap + f.legend.height(f.width-2*edge)
	}
	return f.width + legendGap + f.legend.width(), f.height
}

func (f figure) png(w io.Writer) error { return f.raster(w, 200) }

// raster draws f over its caption as PNG with so many dots an inch.
func (f figure) raster(w io.Writer, dpi int) error {
	wide, high := f.size()
	st := textStyle(8)
	var lines []string
	if f.caption != "" {
		lines = wrap(f.caption, wide-2*edge, st.Width)
	}
	const line = 11
	foot := vg.Points(line*float64(len(lines)) + 4)
	c, done := rasterCanvas(wide, high+foot, dpi)
	defer done()
	page := draw.NewCanvas(c, wide, high+foot)
	f.draw(margin(draw.Crop(page, 0, 0, foot, 0)))
	for i, s := range lines {
		page.FillText(st, vg.Point{X: edge, Y: foot - vg.Points(line*float64(i+1))}, s)
	}
	return fastPNG.Encode(w, c.Image())
}

// fastPNG takes two thirds of the time for files that are a twenty-fifth larger.
var fastPNG = png.Encoder{CompressionLevel: png.BestSpeed}

// spareDots is memory of pictures that are written, a *[]uint8 each.
var spareDots sync.Pool

// rasterCanvas is a white picture of a size with so many dots an inch, whose memory done gives
// back: to fill it again takes less time than to have new pages from the system.
func rasterCanvas(wide, high vg.Length, dpi int) (c *vgimg.Canvas, done func()) {
	size := image.Rect(0, 0, int(math.Round(wide.Dots(float64(dpi)))), int(math.Round(high.Dots(float64(dpi)))))
	img := &image.RGBA{Stride: 4 * size.Dx(), Rect: size}
	bytes := img.Stride * size.Dy()
	dots, _ := spareDots.Get().(*[]uint8)
	if dots == nil || len(*dots) < bytes {
		fresh := memory.Uncleared[uint8](bytes)
		dots = &fresh
	}
	img.Pix = (*dots)[:bytes]
	ctx := gg.NewContextForRGBA(img)
	ctx.SetLineCapButt()
	ctx.InvertY()
	return vgimg.NewWith(vgimg.UseImageWithContext(img, ctx), vgimg.UseDPI(dpi)), func() { spareDots.Put(dots) }
}

func (f figure) draw(c draw.Canvas) {
	switch {
	case f.legend == nil:
	case f.legend.flows:
		high := f.legend.height(c.Max.X - c.Min.X)
		f.legend.draw(draw.Crop(c, 0, 0, 0, c.Min.Y+high-c.Max.Y))
		c = draw.Crop(c, 0, 0, high+legendGap, 0)
	default:
		beside := f.legend.width()
		const down = 34 // points, to the side of the plots' upper edge
		f.legend.draw(draw.Crop(c, c.Max.X-c.Min.X-beside, 0, 0, -down))
		c = draw.Crop(c, 0, -beside-legendGap, 0, 0)
	}
	const gap = 14 // points between panels
	across := f.across
	if across == 0 {
		across = len(f.panels)
	}
	rows := (len(f.panels) + across - 1) / across
	wide, high := (c.Max.X-c.Min.X+gap)/vg.Length(across), (c.Max.Y-c.Min.Y+gap)/vg.Length(rows)
	for i, p := range f.panels {
		x, y := vg.Length(i%across)*wide, vg.Length(rows-1-i/across)*high
		fitNames(p, wide-gap, high-gap).Draw(draw.Crop(c, x, x+wide-gap-(c.Max.X-c.Min.X), y, y+high-gap-(c.Max.Y-c.Min.Y)))
	}
}

// fitNames is p with no more names at its axes than there is room for.
func fitNames(p *plot.Plot, wide, high vg.Length) *plot.Plot {
	const across, down = 11, 9 // points from one name to the next
	q := *p
	q.X.Tick.Marker = thinned(q.X.Tick.Marker, int((wide-50)/across), maxName)
	q.Y.Tick.Marker = thinned(q.Y.Tick.Marker, int((high-60)/down), maxName)
	return &q
}

// maxName is how many characters of a name at an axis are drawn.
const maxName = 26

// edge is the margin at the left and the right of a figure, at most.
const edge = 10 // points

func margin(c draw.Canvas) draw.Canvas {
	return draw.Crop(c, vg.Points(6), -vg.Points(edge), vg.Points(4), -vg.Points(6))
}
