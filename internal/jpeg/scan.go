package jpeg

import "fmt"

// zigzag is where in a block, row by row, each coefficient of the file's order lies.
var zigzag = [64]byte{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
}

// scan is one pass over some of the components.
type scan struct {
	bits
	parts    []part
	from, to int    // the coefficients, in the file's order
	high     int    // the lowest bit that was known before; 0: none was
	low      int    // the lowest bit that is known afterwards
	run      uint32 // blocks without coefficients that follow
	interval int    // units between restarts
}

// part is a component in a scan.
type part struct {
	*component
	dc, ac     *codes
	prediction int32 // the last block's DC coefficient
}

// scan reads a scan's head, and the data behind it.
func (d *decoder) scan(head []byte) error {
	if d.components == nil {
		return FormatError("a scan before the picture's head")
	}
	s, err := d.scanHead(head)
	if err != nil {
		return err
	}
	if d.components[0].plane == nil {
		if err := d.planes(); err != nil {
			return err
		}
	}
	s.bits = bits{data: d.data, at: d.at}
	s.interval = d.restart
	if len(s.parts) == 1 { // blocks one by one, those of the picture alone
		c := s.parts[0].component
		err = s.units(ceilDiv(c.rows, 8), ceilDiv(c.cols, 8), func(y, x int) error {
			return s.block(d, &s.parts[0], y, x)
		})
	} else {
		err = s.units(ceilDiv(d.h, 8*d.vmax), ceilDiv(d.w, 8*d.hmax), func(y, x int) error {
			for i := range s.parts {
				p := &s.parts[i]
				for j := range p.h * p.v {
					if err := s.block(d, p, y*p.v+j/p.h, x*p.h+j%p.h); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	d.at = s.at
	return err
}

// units calls f for each unit of a scan, and sees to restarts.
func (s *scan) units(rows, cols int, f func(y, x int) error) error {
	for y := range rows {
		for x := range cols {
			if i := y*cols + x; s.interval > 0 && i > 0 && i%s.interval == 0 {
				if err := s.restart(i/s.interval - 1); err != nil {
					return err
				}
				s.run = 0
				for p := range s.parts {
					s.parts[p].prediction = 0
				}
			}
			if err := f(y, x); err != nil {
				return err
			}
			if s.short() {
				return s.fault()
			}
		}
	}
	return nil
}

// block reads the block in row y and column x of a component's blocks.
func (s *scan) block(d *decoder, p *part, y, x int) error {
	if d.progressive {
		b := &p.blocks[y*(p.stride/8)+x]
		if s.pass(p, b) {
			return nil
		}
	} else {
		var b [64]int32
		if last, ok := s.sequential(p, &b); ok {
			at := 8 * (y*p.stride + x)
			inverse(p.plane[at:], p.stride, &b, last)
			return nil
		}
	}
	if s.short() {
		return s.fault()
	}
	return FormatError("a code that does not exist")
}

// scanHead reads which components and coefficients a scan is of.
func (d *decoder) scanHead(head []byte) (*scan, error) {
	if len(head) < 1 || head[0] < 1 || head[0] > 4 || len(head) != 4+2*int(head[0]) {
		return nil, FormatError("a damaged head of a scan")
	}
	n := int(head[0])
	s, tail := &scan{parts: make([]part, n)}, head[1+2*n:]
	s.from, s.to, s.high, s.low = 0, 63, 0, 0
	if d.progressive {
		s.from, s.to, s.high, s.low = int(tail[0]), int(tail[1]), int(tail[2]>>4), int(tail[2]&15)
		if s.from > s.to || s.to > 63 || s.from == 0 && s.to > 0 || s.from > 0 && n > 1 ||
			s.low > 13 || s.high > 0 && s.high != s.low+1 {
			return nil, FormatError(fmt.Sprintf("a scan of coefficients %d to %d, bits from %d, of %d components",
				s.from, s.to, s.low, n))
		}
	}
	blocks := 0
	for i := range s.parts {
		id, td, ta := head[1+2*i], head[2+2*i]>>4, head[2+2*i]&15
		p := &s.parts[i]
		for j := range d.components {
			if d.components[j].id == id {
				p.component = &d.components[j]
			}
		}
		if p.component == nil || td > 3 || ta > 3 {
			return nil, FormatError(fmt.Sprintf("a scan of component %d with tables %d and %d", id, td, ta))
		}
		blocks += p.h * p.v
		if err := d.prepare(s, p, td, ta); err != nil {
			return nil, err
		}
	}
	if n > 1 && blocks > maxBlocks {
		return nil, FormatError(fmt.Sprintf("%d blocks a unit, want at most %d", blocks, maxBlocks))
	}
	return s, nil
}

// prepare looks up the tables of a part, and holds the scan to those before it.
func (d *decoder) prepare(s *scan, p *part, td, ta byte) error {
	if p.quant == nil {
		if p.quant = d.quant[p.tq]; p.quant == nil {
			return FormatError(fmt.Sprintf("no table of quantisation %d", p.tq))
		}
	}
	p.dc, p.ac = d.codes[0][td], d.codes[1][ta]
	if p.dc == nil && s.from == 0 && s.high == 0 || p.ac == nil && s.to > 0 {
		return FormatError(fmt.Sprintf("no table of codes for component %d", p.id))
	}
	before := 0 // as component.known has it
	if s.high > 0 {
		before = s.high + 1
	}
	for k := s.from; k <= s.to; k++ {
		if int(p.known[k]) != before {
			return FormatError(fmt.Sprintf("a scan of component %d does not go on where the last one ended", p.id))
		}
		p.known[k] = int8(s.low + 1)
	}
	return nil
}
