package augment

import (
	"fmt"
	raster "image"
	"image/color"
)

// Sheet is a contact sheet: a row for each image [C,H,W], which begins with the
// image as it is and goes on with that many views of it. Every pixel is drawn as
// zoom×zoom. Three channels are drawn in colour, others by their first, in grey.
type Sheet struct {
	C, H, W int
	Views   int
	Zoom    int
	Seed    uint64
}

// gap is the width of the lines between the cells, in pixels of the sheet.
const gap = 4

// Size is the sheet's size for a number of rows, in pixels.
func (s Sheet) Size(rows int) (width, height int) {
	// The originals stand apart by one more gap.
	return (s.Views+1)*(s.W*s.Zoom+gap) + 2*gap, rows*(s.H*s.Zoom+gap) + gap
}

// Draw draws the sheet. The view v of image i is augmented by
// Key{Seed, 0, i, v}.
func (s Sheet) Draw(p *Pipeline, images [][]float32) (raster.Image, error) {
	worker, err := p.Worker(s.C, s.H, s.W)
	if err != nil {
		return nil, err
	}
	if s.Views < 0 || s.Zoom < 1 {
		return nil, fmt.Errorf("augment: a sheet of %d views at a zoom of %d", s.Views, s.Zoom)
	}
	width, height := s.Size(len(images))
	sheet := raster.NewRGBA(raster.Rect(0, 0, width, height))
	for i := range sheet.Pix {
		sheet.Pix[i] = 0xff
	}
	view := make([]float32, s.C*s.H*s.W)
	for i, src := range images {
		y := gap + i*(s.H*s.Zoom+gap)
		s.cell(sheet, gap, y, src)
		for v := range s.Views {
			worker.Apply(view, src, Key{Seed: s.Seed, Image: uint64(i), View: uint64(v)})
			s.cell(sheet, 2*gap+(v+1)*(s.W*s.Zoom+gap), y, view)
		}
	}
	return sheet, nil
}

// cell draws an image with its upper left corner at (x, y).
func (s Sheet) cell(sheet *raster.RGBA, x, y int, pix []float32) {
	im := image{pix, s.C, s.H, s.W}
	green, blue := im.plane(0), im.plane(0)
	if s.C == 3 {
		green, blue = im.plane(1), im.plane(2)
	}
	for row := range s.H * s.Zoom {
		for col := range s.W * s.Zoom {
			at := row/s.Zoom*s.W + col/s.Zoom
			sheet.SetRGBA(x+col, y+row, color.RGBA{toByte(pix[at]), toByte(green[at]), toByte(blue[at]), 0xff})
		}
	}
}
