package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"

	"memprobe/internal/jpeg"
	"memprobe/internal/memory"
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
	head   func(data []byte) (extent, error)
	decode func(dst, data []byte, e extent) error // dst is [c,h,w]
	pixel  int64                                  // bytes that decoding takes a pixel, at most
}

// What decoders take for a pixel: four samples of 16 bits, and of JPEG, where scans are
// progressive, four samples and their coefficients.
const (
	samplesBytes      = 4 * 2
	coefficientsBytes = 4*(1+2) + 1 // its place in the scan
	freeBytes         = 4 << 20     // that are not asked for
)

// codecOf finds the format by content: file names lie.
func codecOf(head []byte) (*codec, error) {
	for _, c := range []codec{
		{"PNG", "\x89PNG\r\n\x1a\n", pngHead, decodePNG, samplesBytes},
		{"JPEG", "\xff\xd8\xff", jpegHead, decodeJPEG, coefficientsBytes},
		{"WebP", "RIFF????WEBP", webpHead, decodeWebP, samplesBytes},
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
	e, err := c.head(data)
	if err != nil {
		return nil, extent{}, c.fault(err)
	}
	w, h := e.w, e.h
	if w < 1 || h < 1 || w > maxPixels/h {
		return nil, extent{}, fmt.Errorf("%s of %dx%d pixels, want 1 to %d", c.name, h, w, maxPixels)
	}
	if w*h > freePixels && w*h/maxRatio > len(data) {
		return nil, extent{}, fmt.Errorf("%s claims %dx%d pixels in %d bytes", c.name, h, w, len(data))
	}
	return c, e, nil
}

// fault makes an error of a decoder readable.
func (c *codec) fault(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("truncated %s", c.name)
	}
	if _, ok := errors.AsType[*memory.Error](err); ok {
		return err
	}
	state, text := "corrupt", err.Error()
	_, png := errors.AsType[png.UnsupportedError](err)
	if _, jpeg := errors.AsType[jpeg.UnsupportedError](err); png || jpeg {
		state = "unsupported"
	}
	for _, prefix := range []string{"png: ", "webp: ", "vp8: ", "vp8l: ", "riff: ", "unsupported feature: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return fmt.Errorf("%s %s: %s", state, c.name, text)
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
	if bytes := c.pixel * int64(e.h) * int64(e.w); bytes > freeBytes {
		release, err := memory.Hold("the picture", bytes) // as threads decode side by side
		if err != nil {
			return nil, e, err
		}
		defer release()
	}
	if cap(buf) < e.size() {
		buf = make([]byte, e.size())
	}
	buf = buf[:e.size()]
	if err := c.decode(buf, data, e); err != nil {
		return nil, e, c.fault(err)
	}
	return buf, e, nil
}

// pngHead is of a picture in grey, with transparency or without, or in colours.
func pngHead(data []byte) (extent, error) {
	cfg, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return extent{}, err
	}
	const colourType = 25 // in the file: signature, length, "IHDR", width, height, depth
	if t := data[colourType]; t == 0 || t == 4 {
		return extent{1, cfg.Height, cfg.Width}, nil
	}
	return extent{3, cfg.Height, cfg.Width}, nil
}

func jpegHead(data []byte) (extent, error) {
	s, err := jpeg.Head(data)
	return extent{s.Channels, s.Height, s.Width}, err
}

func webpHead(data []byte) (extent, error) {
	f, err := findWebP(data)
	return extent{3, f.h, f.w}, err
}

func decodePNG(dst, data []byte, e extent) error {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if err := sized(m, e); err != nil {
		return err
	}
	toPlanes(dst, m, e)
	return nil
}

func decodeJPEG(dst, data []byte, _ extent) error { return jpeg.Decode(dst, data) }

// sized holds a decoded picture to what its head said.
func sized(m image.Image, e extent) error {
	if b := m.Bounds(); b.Dx() != e.w || b.Dy() != e.h {
		return fmt.Errorf("%dx%d pixels, its head says %dx%d", b.Dy(), b.Dx(), e.h, e.w)
	}
	return nil
}

// toPlanes writes the pixels of m to dst [c,h,w], c being 1 for greys.
func toPlanes(dst []byte, m image.Image, e extent) {
	switch m := m.(type) {
	case *image.Gray:
		separate(dst, m.Pix, m.Stride, 1, 1, e)
	case *image.Gray16:
		separate(dst, m.Pix, m.Stride, 2, 1, e)
	case *image.RGBA:
		separate(dst, m.Pix, m.Stride, 4, 1, e)
	case *image.NRGBA:
		separate(dst, m.Pix, m.Stride, 4, 1, e)
	case *image.RGBA64:
		separate(dst, m.Pix, m.Stride, 8, 2, e)
	case *image.NRGBA64:
		separate(dst, m.Pix, m.Stride, 8, 2, e)
	default: // a palette
		n, at := e.h*e.w, m.Bounds().Min
		for i := range n {
			p := color.NRGBAModel.Convert(m.At(at.X+i%e.w, at.Y+i/e.w)).(color.NRGBA)
			dst[i], dst[n+i], dst[2*n+i] = p.R, p.G, p.B
		}
	}
}

// separate writes the first bytes of the first e.c samples of each pixel, a sample
// and a pixel being that many bytes long, to planes.
func separate(dst, pix []byte, stride, pixel, sample int, e extent) {
	n := e.h * e.w
	for k := range e.c {
		plane := dst[k*n : (k+1)*n]
		for y := range e.h {
			row := pix[y*stride+k*sample:]
			for x := range e.w {
				plane[y*e.w+x] = row[x*pixel]
			}
		}
	}
}
