package jpeg

import "fmt"

// block is a block of a progressive picture: its coefficients, row by row.
type block struct {
	c    [64]int16
	last int16 // of those that are not zero, in the file's order
}

// set gives a coefficient a first value.
func (b *block) set(k int, v int16) {
	b.c[zigzag[k]] = v
	b.last = max(b.last, int16(k))
}

// pass reads what a scan says of a block. It returns whether the codes exist.
func (s *scan) pass(p *part, b *block) bool {
	switch {
	case s.from == 0 && s.high == 0:
		size, ok := s.symbol(p.dc)
		if !ok {
			return false
		}
		p.prediction += s.number(int(size))
		b.c[0] = int16(p.prediction << s.low)
		return true
	case s.from == 0:
		b.c[0] |= int16(s.take(1) << s.low)
		return true
	case s.high == 0:
		return s.first(p.ac, b)
	}
	return s.refine(p.ac, b)
}

// first reads the upper bits of AC coefficients.
func (s *scan) first(ac *codes, b *block) bool {
	if s.run > 0 {
		s.run--
		return true
	}
	for k := s.from; k <= s.to; k++ {
		symbol, ok := s.symbol(ac)
		if !ok {
			return false
		}
		zeros, size := int(symbol>>4), int(symbol&15)
		if size == 0 && zeros < 15 {
			s.run = 1<<zeros - 1 + uint32(s.take(zeros))
			return true
		}
		if k += zeros; size == 0 {
			continue
		}
		if k > s.to {
			return false
		}
		b.set(k, int16(s.number(size)<<s.low))
	}
	return true
}

// refine reads one more bit of AC coefficients: of those that are not zero in passing,
// between codes that say how many zeros are passed over before a new one.
func (s *scan) refine(ac *codes, b *block) bool {
	bit := int16(1) << s.low
	k := s.from
	for s.run == 0 && k <= s.to {
		symbol, ok := s.symbol(ac)
		if !ok {
			return false
		}
		zeros, size := int(symbol>>4), int(symbol&15)
		value := int16(0)
		switch {
		case size == 1:
			if value = bit; s.take(1) == 0 {
				value = -bit
			}
		case size > 1:
			return false
		case zeros < 15:
			s.run = 1<<zeros + uint32(s.take(zeros))
			continue
		}
		for ; k <= s.to; k++ {
			if c := &b.c[zigzag[k]]; *c != 0 {
				s.correct(c, bit)
			} else if zeros == 0 {
				b.set(k, value)
				break
			} else {
				zeros--
			}
		}
		if k > s.to && (zeros > 0 || value != 0) {
			return false
		}
		k++
	}
	if s.run > 0 {
		for ; k <= s.to; k++ {
			if c := &b.c[zigzag[k]]; *c != 0 {
				s.correct(c, bit)
			}
		}
		s.run--
	}
	return true
}

// correct reads whether the size of a coefficient grows by a bit.
func (s *scan) correct(c *int16, bit int16) {
	if s.take(1) == 0 {
		return
	}
	if *c < 0 {
		*c -= bit
	} else {
		*c += bit
	}
}

// smoothed is the number of coefficients, the first ones in the file's order, among
// which libjpeg estimates what is missing.
const smoothed = 10

// finish makes the planes of a progressive picture, and sees that all of a picture
// has been there.
func (d *decoder) finish() error {
	for i := range d.components {
		c := &d.components[i]
		if c.known[0] == 0 {
			return FormatError(fmt.Sprintf("no scan of component %d", i+1))
		}
		if !d.progressive {
			continue
		}
		for _, k := range c.known[:smoothed] {
			if k != 1 {
				return UnsupportedError("scans that leave coefficients unfinished")
			}
		}
		for j := range c.blocks {
			from, last := &c.blocks[j].c, int(c.blocks[j].last)
			var b [64]int32
			for k, z := range zigzag[:last+1] {
				b[z&63] = int32(from[z&63]) * c.quant[k]
			}
			across := c.stride / 8
			inverse(c.plane[8*(j/across*c.stride+j%across):], c.stride, &b, last)
		}
	}
	return nil
}
