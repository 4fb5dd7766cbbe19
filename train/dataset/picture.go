package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"strings"

	"golang.org/x/image/webp"
)

// What one encoded picture may be: bytes of its file, pixels, and, beyond
// freePixels, pixels a byte, which deflate and Huffman codes cannot exceed.
// Decoders allocate what a head claims, so the head is held to these first.
const (
	maxEncoded = 64 << 20
	maxPixels  = 1 << 26
	freePixels = 1 << 22
	maxRatio   = 1100
)

// codec is a file format of pictures.
type codec struct {
	name   string
	magic  string // of the first bytes; '?' is any
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	video  bool // Y in 16..235, Cb and Cr in 16..240, where the decoder yields them
}

// codecOf finds the format by content: file names lie.
func codecOf(head []byte) (*codec, error) {
	for _, c := range []codec{
		{name: "PNG", magic: "\x89PNG\r\n\x1a\n", config: png.DecodeConfig, decode: png.Decode},
		{name: "JPEG", magic: "\xff\xd8\xff", config: jpeg.DecodeConfig, decode: jpeg.Decode},
		{name: "WebP", magic: "RIFF????WEBP", config: webp.DecodeConfig, decode: webp.Decode, video: true},
	} {
		if matches(head, c.magic) {
			return &c, nil
		}
	}
	if len(head) == 0 {
		return nil, errors.New("empty")
	}
	return nil, fmt.Errorf("neither PNG, JPEG nor WebP: starts with % x", head[:min(len(head), 8)])
}

func matches(head []byte, magic string) bool {
	if len(head) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != head[i] {
			return false
		}
	}
	return true
}

// pictureHead reads what a picture's head says of it: 1 channel for grey, 3 for
// anything else, and the size.
func pictureHead(data []byte) (*codec, extent, error) {
	c, err := codecOf(data)
	if err != nil {
		return nil, extent{}, err
	}
	cfg, err := c.config(bytes.NewReader(data))
	if err != nil {
		return nil, extent{}, c.fault(err)
	}
	w, h := cfg.Width, cfg.Height
	if w < 1 || h < 1 || w > maxPixels/h {
		return nil, extent{}, fmt.Errorf("%s of %dx%d pixels, want 1 to %d", c.name, h, w, maxPixels)
	}
	if w*h > freePixels && w*h/maxRatio > len(data) {
		return nil, extent{}, fmt.Errorf("%s claims %dx%d pixels in %d bytes", c.name, h, w, len(data))
	}
	if cfg.ColorModel == color.GrayModel || cfg.ColorModel == color.Gray16Model {
		return c, extent{1, h, w}, nil
	}
	return c, extent{3, h, w}, nil
}

// fault makes an error of a decoder readable.
func (c *codec) fault(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("truncated %s", c.name)
	}
	text := err.Error()
	for _, prefix := range []string{"png: ", "jpeg: ", "webp: ", "vp8: ", "vp8l: ", "riff: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return fmt.Errorf("corrupt %s: %s", c.name, text)
}

// decodePicture returns a picture's pixels as planes [c,h,w], in buf if it is
// large enough. Transparency is dropped, 16-bit samples lose their low byte.
func decodePicture(data, buf []byte) (planes []byte, e extent, err error) {
	c, e, err := pictureHead(data)
	if err != nil {
		return nil, e, err
	}
	defer func() { // decoders index by what corrupt data say
		if p := recover(); p != nil {
			err = c.fault(fmt.Errorf("%v", p))
		}
	}()
	m, err := c.decode(bytes.NewReader(data))
	if err != nil {
		return nil, e, c.fault(err)
	}
	if b := m.Bounds(); b.Dx() != e.w || b.Dy() != e.h {
		return nil, e, fmt.Errorf("corrupt %s: %dx%d pixels, its head says %dx%d", c.name, b.Dy(), b.Dx(), e.h, e.w)
	}
	if cap(buf) < e.size() {
		buf = make([]byte, e.size())
	}
	buf = buf[:e.size()]
	toPlanes(buf, m, e, c.video)
	return buf, e, nil
}

// toPlanes writes the pixels of m to dst [c,h,w].
func toPlanes(dst []byte, m image.Image, e extent, video bool) {
	n, b := e.h*e.w, m.Bounds()
	set := func(i int, r, g, b uint8) { dst[i], dst[n+i], dst[2*n+i] = r, g, b }
	switch m := m.(type) {
	case *image.Gray:
		for y := range e.h {
			copy(dst[y*e.w:(y+1)*e.w], m.Pix[y*m.Stride:])
		}
	case *image.Gray16:
		for i := range n {
			dst[i] = m.Pix[i/e.w*m.Stride+i%e.w*2]
		}
	case *image.RGBA:
		interleaved(set, m.Pix, m.Stride, e)
	case *image.NRGBA:
		interleaved(set, m.Pix, m.Stride, e)
	case *image.YCbCr:
		fromYCbCr(set, m, e, video)
	case *image.NYCbCrA:
		fromYCbCr(set, &m.YCbCr, e, video)
	default:
		for i := range n {
			p := color.NRGBAModel.Convert(m.At(b.Min.X+i%e.w, b.Min.Y+i/e.w)).(color.NRGBA)
			set(i, p.R, p.G, p.B)
		}
	}
}

func interleaved(set func(i int, r, g, b uint8), pix []uint8, stride int, e extent) {
	for y := range e.h {
		row := pix[y*stride : y*stride+4*e.w]
		for x := range e.w {
			set(y*e.w+x, row[4*x], row[4*x+1], row[4*x+2])
		}
	}
}

// fromYCbCr converts by ITU-R BT.601, over the full range as JPEG (JFIF) does or
// over video's, which WebP uses: there
//
//	R = 1.164 (Y−16) + 1.596 (Cr−128)
//	G = 1.164 (Y−16) − 0.392 (Cb−128) − 0.813 (Cr−128)
//	B = 1.164 (Y−16) + 2.017 (Cb−128)
func fromYCbCr(set func(i int, r, g, b uint8), m *image.YCbCr, e extent, video bool) {
	at := m.Rect.Min
	for y := range e.h {
		for x := range e.w {
			j := m.COffset(at.X+x, at.Y+y)
			luma, cb, cr := m.Y[m.YOffset(at.X+x, at.Y+y)], m.Cb[j], m.Cr[j]
			var r, g, b uint8
			if video {
				l, u, v := 1.164*(float32(luma)-16), float32(cb)-128, float32(cr)-128
				r, g, b = clip(l+1.596*v), clip(l-0.392*u-0.813*v), clip(l+2.017*u)
			} else {
				r, g, b = color.YCbCrToRGB(luma, cb, cr)
			}
			set(y*e.w+x, r, g, b)
		}
	}
}

func clip(v float32) uint8 { return uint8(min(max(v+0.5, 0), 255)) }
