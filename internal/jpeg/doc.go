// Package jpeg decodes JPEG pictures (ITU-T T.81, sequential and progressive,
// Huffman coded, 8 bits a sample) to the very pixels that libjpeg-turbo makes by
// default, and PIL with it: the inverse cosine transform in integers ("islow"),
// chroma interpolated between samples ("fancy upsampling"), and JFIF's conversion of
// colours in fixed point. Pixels are returned as planes [c,h,w].
//
// Reading and computing are apart: segments (segment.go) and scans (scan.go,
// sequential.go, progressive.go) fill the planes of the components, at their own
// sampling, by way of the transform (transform.go); upsample.go and colour.go make
// pixels of them, a row at a time. The inner loops are those of internal/kernel/picture.
//
// What libjpeg warns of and goes on with (codes that do not exist, lost restarts,
// data that end early) is an error here: such pixels are not the picture's.
package jpeg

import (
	"io"
)

// FormatError says what is wrong with a file.
type FormatError string

func (e FormatError) Error() string { return string(e) }

// UnsupportedError says what a file makes use of that is not read here.
type UnsupportedError string

func (e UnsupportedError) Error() string { return string(e) }

// errTruncated is of a file that ends before the picture does.
var errTruncated = io.ErrUnexpectedEOF

// Size is what a file's head says of the picture.
type Size struct {
	Channels      int // 1: grey, 3: red, green and blue
	Height, Width int
}

// Head reads the size. Errors are of type FormatError and UnsupportedError;
// io.ErrUnexpectedEOF is of a file that is cut off.
func Head(data []byte) (Size, error) {
	d := decoder{data: data}
	if err := d.segments(true); err != nil {
		return Size{}, err
	}
	return d.size(), nil
}

// Decode writes the picture's pixels to dst [Channels,Height,Width], which Head
// gives the size of. CMYK and YCCK become red, green and blue as PIL has it: all
// inks are taken as stored inverted. Errors are Head's, and that of a picture
// beyond the budget of memory.
func Decode(dst, data []byte) error {
	d := decoder{data: data}
	defer d.giveBack()
	if err := d.segments(false); err != nil {
		return err
	}
	if s := d.size(); len(dst) != s.Channels*s.Height*s.Width {
		return FormatError("the size has changed")
	}
	if err := d.finish(); err != nil {
		return err
	}
	d.paint(dst)
	return nil
}
