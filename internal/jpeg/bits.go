package jpeg

import (
	"bytes"
	"encoding/binary"
)

// bits reads the entropy-coded data of a scan. Past their end it yields zeros, so
// that only the end of a unit need be looked at: short tells.
type bits struct {
	data []byte
	at   int    // of the next byte
	word uint64 // the next bits, the first one on top
	n    int    // how many of them there are
	past int    // how many of these are past the end
}

// fill makes word hold at least 56 bits.
func (b *bits) fill() {
	if b.at+8 <= len(b.data) {
		const ones = 0x0101010101010101
		next := binary.BigEndian.Uint64(b.data[b.at:])
		if (^next-ones)&next&(0x80*ones) == 0 { // no byte is 0xff
			b.word |= next >> b.n
			b.at += (63 - b.n) / 8
			b.n |= 56
			return
		}
	}
	for b.n <= 56 {
		var v byte
		switch {
		case b.at < len(b.data) && b.data[b.at] != 0xff:
			v = b.data[b.at]
			b.at++
		case b.at+1 < len(b.data) && b.data[b.at+1] == 0:
			v = 0xff
			b.at += 2
		default: // a marker, or nothing
			b.past += 8
		}
		b.word |= uint64(v) << (56 - b.n)
		b.n += 8
	}
}

// short tells whether bits were used that do not exist.
func (b *bits) short() bool { return b.past > b.n }

// fault is what short means.
func (b *bits) fault() error {
	if bytes.IndexByte(b.data[b.at:], 0xff) < 0 {
		return errTruncated
	}
	return FormatError("a scan ends early")
}

// take returns the next k bits, of at most 16.
func (b *bits) take(k int) int32 {
	if b.n < k {
		b.fill()
	}
	v := int32(b.word >> 1 >> (63 - k))
	b.word <<= k
	b.n -= k
	return v
}

// number returns a signed number of k bits, of at most 15: those that begin with 0
// are negative.
func (b *bits) number(k int) int32 {
	return signed(b.take(k), k)
}

func signed(v int32, k int) int32 {
	if k > 0 && v>>(k-1) == 0 {
		return v - 1<<k + 1
	}
	return v
}

// symbol reads a code.
func (b *bits) symbol(c *codes) (byte, bool) {
	if b.n < 16 {
		b.fill()
	}
	s, k := c.find(b.word)
	b.word <<= k
	b.n -= k
	return s, k > 0
}

// restart passes over the marker of restart i and begins anew behind it.
func (b *bits) restart(i int) error {
	if b.short() {
		return b.fault()
	}
	for {
		k := bytes.IndexByte(b.data[b.at:], 0xff)
		if k < 0 || b.at+k+1 >= len(b.data) {
			return errTruncated
		}
		b.at += k + 1
		m := b.data[b.at]
		if m == 0 || m == 0xff {
			continue
		}
		if m != rst0+byte(i%8) {
			return FormatError("a restart is missing")
		}
		*b = bits{data: b.data, at: b.at + 1}
		return nil
	}
}
