package dataset

import (
	"bytes"
	"image"
	"image/jpeg"
	"slices"
)

// adobe is what the Adobe segment of a JPEG begins with; transformAt is where in
// the segment, from its marker, the transform of colours stands.
const (
	adobe       = "Adobe"
	transformAt = 15
)

// inks describes a JPEG of four components.
type inks struct {
	transform int  // place of the transform's byte in the file; 0: none
	ycck      bool // the first three components are Y, Cb, Cr
	half      bool // the second and the third have half the rows and columns
}

// inksOf looks at the segments before the scans; ok tells whether there are four
// components.
func inksOf(data []byte) (c inks, ok bool) {
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		marker, size := data[at+1], int(data[at+2])<<8|int(data[at+3])
		end := at + 2 + size
		switch {
		case marker == 0xff: // fill
			at++
			continue
		case end > len(data) || marker == 0xda:
			return c, ok
		case marker == 0xee && size >= 14 && string(data[at+4:at+9]) == adobe:
			c.transform = at + transformAt
			c.ycck = data[c.transform] != 0
		case marker >= 0xc0 && marker <= 0xc2 && size >= 8+3*4:
			ok, c.half = data[at+9] == 4, data[at+11] == 0x22
		}
		at = end
	}
	return c, ok
}

// decodeInks decodes a JPEG of four components to the planes dst [3,h,w], as PIL
// does: all inks are stored inverted, whether Adobe's segment says so or not, and
// each colour is white·(1 − ink) with white = 1 − black. image/jpeg yields the
// components as they are stored where that segment names no transform.
func decodeInks(dst, data []byte, c inks, e extent) error {
	if c.transform > 0 {
		data = bytes.Clone(data)
		data[c.transform] = 0
	} else {
		segment := append([]byte{0xff, 0xee, 0, 14}, adobe+"\x00\x64\x00\x00\x00\x00\x00"...)
		data = slices.Concat(data[:2], segment, data[2:])
	}
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	p, isCMYK := m.(*image.CMYK)
	if !isCMYK || p.Rect.Dx() != e.w || p.Rect.Dy() != e.h {
		return jpeg.FormatError("components of another number or size than its head says")
	}
	c.fromCMYK(dst, p, e)
	return nil
}

// fromCMYK writes pixels to the planes dst; p holds 255 − the components as stored,
// of which those with half the rows and columns are repeated.
func (c inks) fromCMYK(dst []byte, p *image.CMYK, e extent) {
	ratio, step := image.YCbCrSubsampleRatio444, 1
	if c.half {
		ratio, step = image.YCbCrSubsampleRatio420, 2
	}
	var up [2]*chroma
	var planes [2][]byte
	for k := range up {
		up[k] = newChroma(ratio, e.w, e.h)
		for y := range up[k].h {
			for x := range up[k].w {
				planes[k] = append(planes[k], 255-p.Pix[y*step*p.Stride+x*step*4+1+k])
			}
		}
	}
	n := e.h * e.w
	for y := range e.h {
		second, third := up[0].row(planes[0], up[0].w, y), up[1].row(planes[1], up[1].w, y)
		for x := range e.w {
			pix := p.Pix[y*p.Stride+4*x:][:4]
			ink := [3]uint8{pix[0], 255 - second[x], 255 - third[x]}
			if c.ycck {
				ink[0], ink[1], ink[2] = rgbOf(255-int32(pix[0]), int32(second[x]), int32(third[x]))
			}
			white := 255 - int(pix[3])
			for k, v := range ink {
				t := int(v)*white + 128
				dst[k*n+y*e.w+x] = uint8(white - (t>>8+t)>>8)
			}
		}
	}
}
