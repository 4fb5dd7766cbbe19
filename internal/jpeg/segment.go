package jpeg

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"
	"unsafe"

	"memprobe/internal/memory"
)

// Markers of segments.
const (
	sof0  = 0xc0 // the frame: sequential
	sof1  = 0xc1 // sequential with more tables
	sof2  = 0xc2 // progressive
	sof3  = 0xc3 // lossless
	dht   = 0xc4
	sof5  = 0xc5 // to 7: hierarchical
	sof6  = 0xc6
	sof7  = 0xc7
	sof15 = 0xcf
	rst0  = 0xd0
	rst7  = 0xd7
	soi   = 0xd8
	eoi   = 0xd9
	sos   = 0xda
	dqt   = 0xdb
	dri   = 0xdd
	app0  = 0xe0
	app14 = 0xee
)

// maxBlocks is how many blocks of all components a unit of a scan may have.
const maxBlocks = 10

// decoder reads one file.
type decoder struct {
	data []byte
	at   int // of the next byte

	h, w        int
	progressive bool
	components  []component
	hmax, vmax  int // the largest sampling factors
	quant       [4]*[64]int32
	codes       [2][4]*codes // of DC and AC
	restart     int          // units between restarts; 0: none
	samples     *[]byte      // of all planes

	jfif           bool
	adobe          bool
	adobeTransform byte
}

// component is one of the planes that a picture is made of.
type component struct {
	id     byte
	h, v   int // sampling factors
	tq     byte
	quant  *[64]int32 // in the order of the file, as when its first scan began
	rows   int        // of samples that lie in the picture
	cols   int
	stride int // of plane: whole units
	plane  []byte
	blocks []block  // of a progressive picture, a row of them after the other
	known  [64]int8 // by place in the file's order: 1 + the lowest bit that is known of a coefficient; 0: none
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

func (d *decoder) size() Size {
	s := Size{3, d.h, d.w}
	if len(d.components) == 1 {
		s.Channels = 1
	}
	return s
}

// marker is the next one; what lies before it is passed over, as are restarts.
func (d *decoder) marker() (byte, error) {
	for {
		i := bytes.IndexByte(d.data[d.at:], 0xff)
		if i < 0 || d.at+i+1 >= len(d.data) {
			return 0, errTruncated
		}
		d.at += i + 1
		m := d.data[d.at]
		if m == 0xff {
			continue
		}
		d.at++
		if m != 0 && (m < rst0 || m > rst7) {
			return m, nil
		}
	}
}

// segment is the body of one, whose marker has been read.
func (d *decoder) segment() ([]byte, error) {
	if d.at+2 > len(d.data) {
		return nil, errTruncated
	}
	n := int(binary.BigEndian.Uint16(d.data[d.at:]))
	if n < 2 {
		return nil, FormatError(fmt.Sprintf("a segment of %d bytes, want at least 2", n))
	}
	if d.at+n > len(d.data) {
		return nil, errTruncated
	}
	body := d.data[d.at+2 : d.at+n]
	d.at += n
	return body, nil
}

// segments reads a file to its end, or to the frame's head.
func (d *decoder) segments(head bool) error {
	if len(d.data) < 2 {
		return errTruncated
	}
	if d.data[0] != 0xff || d.data[1] != soi {
		return FormatError("does not begin as a JPEG")
	}
	d.at = 2
	for {
		m, err := d.marker()
		if err != nil {
			return err
		}
		if m == eoi {
			if d.components == nil {
				return FormatError("no picture in it")
			}
			return nil
		}
		if m == soi || m == 1 {
			return FormatError(fmt.Sprintf("marker %#02x in the middle", m))
		}
		body, err := d.segment()
		if err != nil {
			return err
		}
		switch m {
		case dht:
			err = d.huffman(body)
		case dqt:
			err = d.quantisation(body)
		case dri:
			if len(body) != 2 {
				err = FormatError("a restart interval of another length than 2 bytes")
			} else {
				d.restart = int(binary.BigEndian.Uint16(body))
			}
		case sos:
			err = d.scan(body)
		case app0:
			d.jfif = d.jfif || len(body) >= 14 && string(body[:5]) == "JFIF\x00"
		case app14:
			if len(body) >= 12 && string(body[:5]) == "Adobe" {
				d.adobe, d.adobeTransform = true, body[11]
			}
		default:
			if m >= sof0 && m <= sof15 {
				if err = d.frame(m, body); err == nil && head {
					return nil
				}
			}
		}
		if err != nil {
			return err
		}
	}
}

// quantisation reads tables of quantisation.
func (d *decoder) quantisation(body []byte) error {
	for len(body) > 0 {
		wide, n := body[0]>>4, body[0]&15
		size := 64 * (1 + int(wide))
		if wide > 1 || n > 3 || len(body) < 1+size {
			return FormatError("a damaged table of quantisation")
		}
		t := new([64]int32)
		for i := range t {
			if wide == 1 {
				t[i] = int32(binary.BigEndian.Uint16(body[1+2*i:]))
			} else {
				t[i] = int32(body[1+i])
			}
		}
		d.quant[n], body = t, body[1+size:]
	}
	return nil
}

// frame reads the head of the picture.
func (d *decoder) frame(m byte, body []byte) error {
	switch m {
	case sof0, sof1, sof2:
	case sof3:
		return UnsupportedError("a lossless picture")
	case sof5, sof6, sof7:
		return UnsupportedError("a hierarchical picture")
	default:
		return UnsupportedError("arithmetic coding")
	}
	if d.components != nil {
		return FormatError("two pictures in it")
	}
	if len(body) < 6 {
		return FormatError("a damaged head")
	}
	if body[0] != 8 {
		return UnsupportedError(fmt.Sprintf("%d bits a sample, want 8", body[0]))
	}
	d.progressive = m == sof2
	d.h, d.w = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	n := int(body[5])
	switch {
	case d.h == 0 || d.w == 0:
		return UnsupportedError(fmt.Sprintf("%dx%d pixels in its head", d.h, d.w))
	case n != 1 && n != 3 && n != 4:
		return UnsupportedError(fmt.Sprintf("%d components, want 1, 3 or 4", n))
	case len(body) != 6+3*n:
		return FormatError("a damaged head")
	}
	components := make([]component, n)
	for i := range components {
		c, b := &components[i], body[6+3*i:]
		c.id, c.h, c.v, c.tq = b[0], int(b[1]>>4), int(b[1]&15), b[2]
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.tq > 3 {
			return FormatError(fmt.Sprintf("component %d has sampling factors %dx%d and table %d", i+1, c.h, c.v, c.tq))
		}
		for j := range i {
			if components[j].id == c.id {
				return FormatError(fmt.Sprintf("components %d and %d have one name", j+1, i+1))
			}
		}
		d.hmax, d.vmax = max(d.hmax, c.h), max(d.vmax, c.v)
	}
	for i := range components {
		c := &components[i]
		if d.hmax%c.h != 0 || d.vmax%c.v != 0 {
			return UnsupportedError(fmt.Sprintf("component %d has %dx%d of %dx%d samples", i+1, c.h, c.v, d.hmax, d.vmax))
		}
		c.rows, c.cols = ceilDiv(d.h*c.v, d.vmax), ceilDiv(d.w*c.h, d.hmax)
		c.stride = ceilDiv(d.w, 8*d.hmax) * 8 * c.h
	}
	d.components = components
	return nil
}

// planes allocates the memory of the components.
func (d *decoder) planes() error {
	samples, units := 0, ceilDiv(d.h, 8*d.vmax)
	for i := range d.components {
		samples += d.components[i].stride * units * 8 * d.components[i].v
	}
	bytes := samples
	if d.progressive {
		bytes += samples / 64 * int(unsafe.Sizeof(block{}))
	}
	if err := memory.Need("the picture", int64(bytes)); err != nil {
		return err
	}
	d.samples = borrow(samples)
	rest := *d.samples
	for i := range d.components {
		c := &d.components[i]
		n := c.stride * units * 8 * c.v
		c.plane, rest = rest[:n:n], rest[n:]
		if d.progressive {
			c.blocks = make([]block, n/64)
		}
	}
	return nil
}

// lent is the memory of planes of pictures that are done, as *[]byte. To touch new memory first takes
// a tenth of the time of a picture.
var lent sync.Pool

// borrow returns n zeros.
func borrow(n int) *[]byte {
	if old, ok := lent.Get().(*[]byte); ok && cap(*old) >= n {
		*old = (*old)[:n]
		clear(*old)
		return old
	}
	b := make([]byte, n)
	return &b
}

// lentBytes is the most that is kept for the next picture.
const lentBytes = 8 << 20

// giveBack is for the end of a decoder.
func (d *decoder) giveBack() {
	if d.samples != nil && cap(*d.samples) <= lentBytes {
		lent.Put(d.samples)
	}
}
