package jpeg

// sequential reads a block of a sequential picture, dequantised and row by row; last
// is the place of its last coefficient in the file's order.
func (s *scan) sequential(p *part, b *[64]int32) (last int, ok bool) {
	size, ok := s.symbol(p.dc)
	if !ok {
		return 0, false
	}
	p.prediction += s.number(int(size))
	b[0] = p.prediction * p.quant[0]
	ac, quant := p.ac, p.quant
	word, n := s.word, s.n
	for k := 1; k < 64; k++ {
		if n < 32 {
			s.word, s.n = word, n
			s.fill()
			word, n = s.word, s.n
		}
		if e := ac.number[word>>(64-ahead)]; e != 0 {
			if k += int(e >> 8 & 15); k > 63 {
				return 0, false
			}
			b[zigzag[k]&63] = e >> 16 * quant[k]
			last = k
			word <<= e & 255
			n -= int(e & 255)
			continue
		}
		symbol, length := ac.find(word)
		if length == 0 {
			return 0, false
		}
		word <<= length
		n -= length
		size := int(symbol & 15)
		if size == 0 {
			if symbol != 0xf0 {
				if symbol != 0 {
					return 0, false
				}
				break
			}
			k += 15
			continue
		}
		if k += int(symbol >> 4); k > 63 {
			return 0, false
		}
		b[zigzag[k]&63] = signed(int32(word>>(64-size)), size) * quant[k]
		last = k
		word <<= size
		n -= size
	}
	s.word, s.n = word, n
	return last, true
}
