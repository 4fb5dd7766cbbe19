package jpeg

// ahead is how many bits are looked up at once.
const ahead = 9

// codes is a Huffman code.
type codes struct {
	// short is for codes of up to ahead bits, by the next bits: length<<8 | symbol;
	// 0: a longer one, or none.
	short [1 << ahead]uint16
	// number is for codes that stand with the number behind them in ahead bits, as
	// those of AC coefficients do: value<<16 | zeros before it<<8 | length of both;
	// 0: another.
	number  [1 << ahead]int32
	limit   [17]uint32 // of a length: the first 16 bits that are of no code of up to that length
	first   [17]int32  // of a length: what, added to a code, is its place in symbols
	symbols []byte
}

// huffman reads tables of codes.
func (d *decoder) huffman(body []byte) error {
	for len(body) > 0 {
		if len(body) < 17 {
			return FormatError("a damaged table of codes")
		}
		class, n, total := body[0]>>4, body[0]&15, 0
		for _, k := range body[1:17] {
			total += int(k)
		}
		if class > 1 || n > 3 || total > 256 || len(body) < 17+total {
			return FormatError("a damaged table of codes")
		}
		c := &codes{symbols: body[17 : 17+total]}
		if !c.build([16]byte(body[1:17]), class == 1) {
			return FormatError("a table of codes that is none")
		}
		d.codes[class][n], body = c, body[17+total:]
	}
	return nil
}

// build makes the tables of count codes a length, in the order of the symbols.
func (c *codes) build(count [16]byte, ac bool) bool {
	code, place := uint32(0), 0
	for i, k := range count {
		length := i + 1
		c.first[length] = int32(place) - int32(code)
		for range k {
			if code >= 1<<length || !ac && c.symbols[place] > 15 {
				return false
			}
			c.enter(code, length, c.symbols[place], ac)
			code++
			place++
		}
		c.limit[length] = code << (16 - length)
		code <<= 1
	}
	return true
}

// enter puts a code that is short enough into the tables.
func (c *codes) enter(code uint32, length int, symbol byte, ac bool) {
	if length > ahead {
		return
	}
	low := int(code) << (ahead - length)
	size := int(symbol & 15)
	for i := range 1 << (ahead - length) {
		c.short[low+i] = uint16(length)<<8 | uint16(symbol)
		if rest := ahead - length - size; ac && size > 0 && rest >= 0 {
			v := signed(int32(i>>rest), size)
			c.number[low+i] = v<<16 | int32(symbol>>4)<<8 | int32(length+size)
		}
	}
}

// find returns the symbol at the top of word and the length of its code; 0: there is
// none.
func (c *codes) find(word uint64) (byte, int) {
	if e := c.short[word>>(64-ahead)]; e != 0 {
		return byte(e), int(e >> 8)
	}
	next := uint32(word >> 48)
	for length := ahead + 1; length <= 16; length++ {
		if next < c.limit[length] {
			return c.symbols[int32(next>>(16-length))+c.first[length]], length
		}
	}
	return 0, 0
}
