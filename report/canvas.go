package report

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// canvas draws on the pages of a PDF document. Unlike gonum's own it embeds fonts
// with their Unicode encoding, so that text can be searched and copied, and takes
// them from memory.
type canvas struct {
	doc    *fpdf.Fpdf
	high   vg.Length
	widths []vg.Length     // of lines, as Push keeps them
	fonts  map[string]bool // those that the document has
	images int
}

var _ vg.Canvas = (*canvas)(nil)

// epoch dates every document, so that its bytes depend on what it shows alone.
var epoch = time.Unix(0, 0).UTC()

// newCanvas is a document of one empty page. Its units are points.
func newCanvas(wide, high vg.Length) *canvas {
	c := &canvas{high: high, fonts: map[string]bool{}}
	c.doc = fpdf.NewCustom(&fpdf.InitType{UnitStr: "pt", Size: fpdf.SizeType{Wd: wide.Points(), Ht: high.Points()}})
	c.doc.SetMargins(0, 0, 0)
	c.doc.SetAutoPageBreak(false, 0)
	c.doc.SetCatalogSort(true) // the order is the same in each document, and so is the date
	c.doc.SetCreationDate(epoch)
	c.doc.SetModificationDate(epoch)
	c.nextPage()
	return c
}

// nextPage ends the page and begins another, whose origin is its lower left corner.
func (c *canvas) nextPage() {
	c.closePage()
	c.doc.AddPage()
	c.widths = nil
	c.Push()
	c.doc.TransformTranslate(0, c.high.Points())
	c.Scale(1, -1)
	vg.Initialize(c)
}

func (c *canvas) closePage() {
	for len(c.widths) > 0 {
		c.Pop()
	}
}

func (c *canvas) writeTo(w io.Writer) error {
	c.closePage()
	return c.doc.Output(w)
}

// SetLineWidth implements vg.Canvas, as all of the following does.
func (c *canvas) SetLineWidth(w vg.Length) {
	c.widths[len(c.widths)-1] = w
	c.doc.SetLineWidth(w.Points())
}

func (c *canvas) SetLineDash(pattern []vg.Length, offset vg.Length) {
	dashes := make([]float64, len(pattern))
	for i, d := range pattern {
		dashes[i] = d.Points()
	}
	c.doc.SetDashPattern(dashes, offset.Points())
}

func (c *canvas) SetColor(to color.Color) {
	if to == nil {
		to = color.Black
	}
	v := color.NRGBAModel.Convert(to).(color.NRGBA)
	r, g, b := int(v.R), int(v.G), int(v.B)
	c.doc.SetFillColor(r, g, b)
	c.doc.SetDrawColor(r, g, b)
	c.doc.SetTextColor(r, g, b)
	c.doc.SetAlpha(float64(v.A)/math.MaxUint8, "Normal")
}

func (c *canvas) Rotate(radians float64) { c.doc.TransformRotate(-radians*180/math.Pi, 0, 0) }
func (c *canvas) Scale(x, y float64)     { c.doc.TransformScale(x*100, y*100, 0, 0) }

func (c *canvas) Translate(by vg.Point) { c.doc.TransformTranslate(by.X.Points(), by.Y.Points()) }

func (c *canvas) Push() {
	last := vg.Length(0)
	if n := len(c.widths); n > 0 {
		last = c.widths[n-1]
	}
	c.widths = append(c.widths, last)
	c.doc.TransformBegin()
}

func (c *canvas) Pop() {
	c.widths = c.widths[:len(c.widths)-1]
	c.doc.TransformEnd()
}

func (c *canvas) Stroke(p vg.Path) {
	if c.widths[len(c.widths)-1] > 0 {
		c.path(p)
		c.doc.DrawPath("D")
	}
}

func (c *canvas) Fill(p vg.Path) {
	c.path(p)
	c.doc.DrawPath("F")
}

func (c *canvas) path(p vg.Path) {
	for _, part := range p {
		x, y := part.Pos.X.Points(), part.Pos.Y.Points()
		switch part.Type {
		case vg.MoveComp:
			c.doc.MoveTo(x, y)
		case vg.LineComp:
			c.doc.LineTo(x, y)
		case vg.ArcComp:
			c.arc(part)
		case vg.CurveComp:
			first, last := part.Control[0], part.Control[len(part.Control)-1]
			if len(part.Control) == 1 {
				c.doc.CurveTo(first.X.Points(), first.Y.Points(), x, y)
			} else {
				c.doc.CurveBezierCubicTo(first.X.Points(), first.Y.Points(), last.X.Points(), last.Y.Points(), x, y)
			}
		case vg.CloseComp:
			c.doc.ClosePath()
		}
	}
}

// arc continues a path by an arc of a circle, in cubic curves of at most a quarter.
func (c *canvas) arc(a vg.PathComp) {
	n := max(1, math.Ceil(math.Abs(a.Angle)/(math.Pi/2)))
	step := a.Angle / n
	r, x, y := a.Radius.Points(), a.Pos.X.Points(), a.Pos.Y.Points()
	pull := r * 4 / 3 * math.Tan(step/4) // of the control points, along the tangents
	sin, cos := math.Sincos(a.Start)
	c.doc.LineTo(x+r*cos, y+r*sin)
	for i := 1.0; i <= n; i++ {
		nextSin, nextCos := math.Sincos(a.Start + i*step)
		c.doc.CurveBezierCubicTo(x+r*cos-pull*sin, y+r*sin+pull*cos, x+r*nextCos+pull*nextSin, y+r*nextSin-pull*nextCos,
			x+r*nextCos, y+r*nextSin)
		sin, cos = nextSin, nextCos
	}
}

func (c *canvas) FillString(f font.Face, at vg.Point, text string) {
	if f.Font.Size == 0 {
		return
	}
	name := f.Name()
	if !c.fonts[name] {
		var b bytes.Buffer
		if _, err := f.Face.WriteSourceTo(nil, &b); err != nil {
			c.doc.SetError(fmt.Errorf("font %s: %w", name, err))
			return
		}
		c.doc.AddUTF8FontFromBytes(name, "", b.Bytes())
		c.fonts[name] = true
	}
	c.Push()
	defer c.Pop()
	c.Translate(at)
	c.Scale(1, -1)
	c.doc.SetFont(name, "", f.Font.Size.Points())
	c.doc.Text(0, 0, strings.Map(inPlane, text))
}

// inPlane replaces what two bytes cannot number, which is all that the document's
// encoding has.
func inPlane(r rune) rune {
	if r > 0xffff {
		return '\ufffd'
	}
	return r
}

// register adds an image in JPEG to the document, of which parts are then drawn by name.
func (c *canvas) register(name string, jpg []byte) {
	c.doc.RegisterImageOptionsReader(name, fpdf.ImageOptions{ImageType: "jpg"}, bytes.NewReader(jpg))
}

// drawPart draws the part of a registered image, in its pixels, that fills a rectangle.
func (c *canvas) drawPart(name string, part image.Rectangle, to vg.Rectangle) {
	info := c.doc.GetImageInfo(name)
	if info == nil { // registering it failed, which the document says
		return
	}
	pixel := to.Size().X.Points() / float64(part.Dx())
	c.Push()
	defer c.Pop()
	c.Translate(vg.Point{X: to.Min.X, Y: to.Max.Y})
	c.Scale(1, -1)
	c.doc.ClipRect(0, 0, to.Size().X.Points(), to.Size().Y.Points(), false)
	wide, high := info.Width()*pixel, info.Height()*pixel
	c.doc.ImageOptions(name, -float64(part.Min.X)*pixel, -float64(part.Min.Y)*pixel, wide, high, false,
		fpdf.ImageOptions{ImageType: "jpg", AllowNegativePosition: true}, 0, "")
	c.doc.ClipEnd()
}

func (c *canvas) DrawImage(rect vg.Rectangle, img image.Image) {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		c.doc.SetError(err)
		return
	}
	c.images++
	name, options := fmt.Sprintf("image %d", c.images), fpdf.ImageOptions{ImageType: "png"}
	c.doc.RegisterImageOptionsReader(name, options, &b)
	c.Push()
	defer c.Pop()
	c.Translate(vg.Point{X: rect.Min.X, Y: rect.Max.Y})
	c.Scale(1, -1)
	size := rect.Size()
	c.doc.ImageOptions(name, 0, 0, size.X.Points(), size.Y.Points(), false, options, 0, "")
}
