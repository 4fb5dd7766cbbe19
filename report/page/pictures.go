package page

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/draw"
	"image/jpeg"
)

// Sheet is pictures with a few words each. A picture is named by its number in
// Page.Pictures, from 1; 0 is none.
type Sheet struct {
	ID, Title, Note string
	Cards           []Card
}

// Card is a picture of a sheet. Link is what it is about, as in Chart.
type Card struct {
	Link        string
	Picture     int
	First, Then string // its labels; Then is "" where there is one
	Text        string
}

// Pictures are the small pictures of a page, all of one size. The page holds them as
// one image of square cells.
type Pictures struct{ images []image.Image }

// Add takes a picture and returns its number, from 1.
func (p *Pictures) Add(m image.Image) int {
	p.images = append(p.images, m)
	return len(p.images)
}

// Place is where a picture lies in the image of all of them, by its number from 1.
func (p *Pictures) Place(number int) image.Rectangle {
	at, b := image.Pt((number-1)%columns, (number-1)/columns).Mul(p.cell()), p.images[0].Bounds()
	return image.Rectangle{at, at.Add(b.Size())}
}

const (
	block      = 16        // pixels a side that JPEG codes together: cells are whole blocks, so that none shines through
	maxSprite  = 900 << 10 // bytes
	shownWidth = 56.0      // CSS pixels of a picture's longer side
)

// columns is how many cells the image has side by side.
const columns = 32

// cell is the side of a cell in pixels.
func (p *Pictures) cell() int {
	b := p.images[0].Bounds()
	return (max(b.Dx(), b.Dy()) + block - 1) / block * block
}

// JPEG is the image of all pictures, of a quality that keeps it small; nil without any.
func (p *Pictures) JPEG() ([]byte, error) {
	if p == nil || len(p.images) == 0 {
		return nil, nil
	}
	cell := p.cell()
	all := image.NewRGBA(image.Rect(0, 0, cell*min(columns, len(p.images)), cell*((len(p.images)+columns-1)/columns)))
	for i, m := range p.images {
		at, b := image.Pt(i%columns*cell, i/columns*cell), m.Bounds()
		draw.Draw(all, image.Rectangle{at, at.Add(b.Size())}, m, b.Min, draw.Src)
		for y := range cell { // the rest of the cell goes on as the picture ends
			for x := range cell {
				if x >= b.Dx() || y >= b.Dy() {
					all.Set(at.X+x, at.Y+y, m.At(b.Min.X+min(x, b.Dx()-1), b.Min.Y+min(y, b.Dy()-1)))
				}
			}
		}
	}
	var out bytes.Buffer
	for _, quality := range []int{90, 75, 50, 25} {
		out.Reset()
		if err := jpeg.Encode(&out, all, &jpeg.Options{Quality: quality}); err != nil {
			return nil, fmt.Errorf("page: pictures: %w", err)
		}
		if out.Len() <= maxSprite {
			break
		}
	}
	return out.Bytes(), nil
}

// style declares the pictures for the page's style sheet.
func (p *Pictures) style() (template.CSS, error) {
	jpg, err := p.JPEG()
	if err != nil || jpg == nil {
		return "", err
	}
	b := p.images[0].Bounds()
	return template.CSS(fmt.Sprintf(":root { --cell: %d; --columns: %d; --wide: %d; --high: %d; --zoom: %.4f }\n.pic "+
		"{ background-image: url(data:image/jpeg;base64,%s) }", p.cell(), min(columns, len(p.images)), b.Dx(), b.Dy(),
		shownWidth/float64(max(b.Dx(), b.Dy())), base64.StdEncoding.EncodeToString(jpg))), nil
}

// place is where a picture lies among the cells.
func place(number int) template.CSS {
	return template.CSS(fmt.Sprintf("--x:%d;--y:%d", (number-1)%columns, (number-1)/columns))
}
