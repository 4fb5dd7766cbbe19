package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"

	"golang.org/x/image/webp"
)

// webpFile is where the picture of a WebP file lies, or the first one of an
// animation.
type webpFile struct {
	w, h int    // of the canvas
	x, y int    // of the picture in it
	data []byte // a WebP file of the picture alone, without transparency
}

// Flags and sizes of the container.
const (
	webpAnimation = 1 << 1
	webpFrameHead = 16
)

var errNoWebP = errors.New("no picture in it")

// findWebP looks through the chunks of a file (RFC 9649).
func findWebP(data []byte) (f webpFile, err error) {
	chunks := data[12:]
	inFrame := false
	for len(chunks) >= 8 {
		name, size := string(chunks[:4]), int(binary.LittleEndian.Uint32(chunks[4:]))
		body := chunks[8:]
		if size > len(body) && name != "ANMF" {
			return f, errTruncated
		}
		switch name {
		case "VP8X":
			if size < 10 {
				return f, errNoWebP
			}
			f.w, f.h = 1+uint24(body[4:]), 1+uint24(body[7:])
			inFrame = body[0]&webpAnimation == 0
		case "ANMF":
			if len(body) < webpFrameHead {
				return f, errTruncated
			}
			f.x, f.y = 2*uint24(body), 2*uint24(body[3:])
			inFrame = true
			chunks = body[webpFrameHead:]
			continue
		case "VP8 ", "VP8L":
			return f, f.take(chunks[:8+size], f.w == 0 || inFrame)
		}
		chunks = body[min(size+size%2, len(body)):]
	}
	return f, errNoWebP
}

// take makes a file of the chunk of a picture, and holds it to the canvas.
func (f *webpFile) take(chunk []byte, placed bool) error {
	if !placed {
		return errors.New("a picture outside a frame of the animation")
	}
	f.data = append([]byte("RIFF\x00\x00\x00\x00WEBP"), chunk...)
	if len(chunk)%2 == 1 {
		f.data = append(f.data, 0)
	}
	binary.LittleEndian.PutUint32(f.data[4:], uint32(len(f.data)-8))
	cfg, err := webp.DecodeConfig(bytes.NewReader(f.data))
	if err != nil {
		return err
	}
	if f.w == 0 {
		f.w, f.h = cfg.Width, cfg.Height
	}
	if f.x+cfg.Width > f.w || f.y+cfg.Height > f.h {
		return errors.New("a picture beyond its canvas")
	}
	return nil
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// decodeWebP writes the pixels of a picture to the planes dst [3,h,w]; what an
// animation's first picture leaves of the canvas is black.
func decodeWebP(dst, data []byte, e extent) error {
	f, err := findWebP(data)
	if err != nil {
		return err
	}
	m, err := webp.Decode(bytes.NewReader(f.data))
	if err != nil {
		return err
	}
	size := extent{3, m.Bounds().Dy(), m.Bounds().Dx()}
	part := dst
	if size != e {
		part = make([]byte, size.size())
	}
	if yuv, ok := m.(*image.YCbCr); ok {
		fromWebP(part, yuv, size)
	} else {
		toPlanes(part, m, size)
	}
	if size == e {
		return nil
	}
	clear(dst)
	for i := range size.c * size.h {
		k, y := i/size.h, i%size.h
		copy(dst[k*e.h*e.w+(f.y+y)*e.w+f.x:], part[i*size.w:(i+1)*size.w])
	}
	return nil
}

// fromWebP writes the pixels of a lossy WebP to the planes dst [3,h,w], its colours
// interpolated and converted as libwebp does: each is 9/16 of the nearest sample,
// 3/16 of the next in the row and in the column, and 1/16 of that across.
func fromWebP(dst []byte, m *image.YCbCr, e extent) {
	n, cw, ch := e.h*e.w, (e.w+1)/2, (e.h+1)/2
	us, vs := make([]int32, e.w), make([]int32, e.w)
	for y := range e.h {
		near, far := y/2, min(max(y/2+2*(y%2)-1, 0), ch-1)
		spread(us, m.Cb[near*m.CStride:][:cw], m.Cb[far*m.CStride:][:cw])
		spread(vs, m.Cr[near*m.CStride:][:cw], m.Cr[far*m.CStride:][:cw])
		for x, l := range m.Y[y*m.YStride:][:e.w] {
			i, luma, u, v := y*e.w+x, int32(l)*19077>>8, us[x], vs[x]
			dst[i] = clamp((luma + v*26149>>8 - 14234) >> 6)
			dst[n+i] = clamp((luma - u*6419>>8 - v*13320>>8 + 8708) >> 6)
			dst[2*n+i] = clamp((luma + u*33050>>8 - 17685) >> 6)
		}
	}
}

// spread makes a row of pixels of the samples in the nearest row and in the other
// one. Rounding is libwebp's.
func spread(out []int32, near, far []byte) {
	out[0] = (3*int32(near[0]) + int32(far[0]) + 2) >> 2
	for i := 1; 2*i-1 < len(out); i++ {
		if i == len(near) {
			out[2*i-1] = (3*int32(near[i-1]) + int32(far[i-1]) + 2) >> 2
			break
		}
		a, b, c, d := int32(near[i-1]), int32(near[i]), int32(far[i-1]), int32(far[i])
		sum := a + b + c + d + 8
		out[2*i-1] = ((sum+2*(b+c))>>3 + a) >> 1
		if 2*i < len(out) {
			out[2*i] = ((sum+2*(a+d))>>3 + b) >> 1
		}
	}
}

func clamp(v int32) uint8 { return uint8(min(max(v, 0), 255)) }
