package report

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"io"
)

// writePNG writes an opaque picture as PNG (ISO/IEC 15948), each row as its difference from the one
// above (filter 2). Most rows of figures are as the one above, and to try all filters on each row, as
// image/png does, takes longer than all the rest.
func writePNG(w io.Writer, m *image.RGBA) error {
	wide, high := m.Rect.Dx(), m.Rect.Dy()
	file := bytes.NewBufferString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		binary.Write(file, binary.BigEndian, uint32(len(data)))
		from := file.Len()
		file.WriteString(kind)
		file.Write(data)
		binary.Write(file, binary.BigEndian, crc32.ChecksumIEEE(file.Bytes()[from:]))
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(wide))
	head = binary.BigEndian.AppendUint32(head, uint32(high))
	chunk("IHDR", append(head, 8, 2, 0, 0, 0)) // bytes of red, green and blue
	var data bytes.Buffer
	z, err := zlib.NewWriterLevel(&data, zlib.BestSpeed)
	if err != nil {
		return err
	}
	row, above := make([]uint8, 1+3*wide), make([]uint8, 4*wide)
	row[0] = 2
	for y := range high {
		dots := m.Pix[y*m.Stride:][:4*wide]
		for to, x := row[1:], 0; x < len(dots); to, x = to[3:], x+4 {
			to[0], to[1], to[2] = dots[x]-above[x], dots[x+1]-above[x+1], dots[x+2]-above[x+2]
		}
		z.Write(row)
		above = dots
	}
	if err := z.Close(); err != nil {
		return err
	}
	chunk("IDAT", data.Bytes())
	chunk("IEND", nil)
	_, err = w.Write(file.Bytes())
	return err
}
