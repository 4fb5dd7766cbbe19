package report

import (
	"bytes"
	"fmt"
	"image/png"

	"memprobe/probe/result"
)

// Image is a figure as PNG, of that size in pixels.
type Image struct {
	Name          string
	PNG           []byte
	Width, Height int
}

// Images draws the figures of p, for screens.
func Images(p *result.Probe) ([]Image, error) {
	figures, err := figuresOf(p, pageOf(p))
	if err != nil {
		return nil, err
	}
	var out []Image
	for _, f := range figures {
		var b bytes.Buffer
		if err := f.raster(&b, 100); err != nil {
			return nil, fmt.Errorf("report: figure %s: %w", f.name, err)
		}
		c, err := png.DecodeConfig(bytes.NewReader(b.Bytes()))
		if err != nil {
			return nil, fmt.Errorf("report: figure %s: %w", f.name, err)
		}
		out = append(out, Image{f.name, b.Bytes(), c.Width, c.Height})
	}
	return out, nil
}
