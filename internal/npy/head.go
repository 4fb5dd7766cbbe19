package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"regexp"
	"strconv"
	"strings"

	"memprobe/internal/half"
	"memprobe/internal/memory"
	"memprobe/internal/tensor"
)

// Head says what an array holds. Input is not trusted: a damaged head is an
// error, arrays of Python objects are refused, and memory grows with the data that
// arrive, never with what a head claims.
type Head struct {
	Kind    byte // 'b' bool, 'i' and 'u' integers, 'f' floats, 'U' and 'S' text
	Size    int  // bytes a value
	Fortran bool // the first index varies fastest
	Shape   []int
	Len     int // number of values

	order binary.ByteOrder
}

// Type is the type of a value as NumPy calls it: "float32".
func (h *Head) Type() string {
	switch h.Kind {
	case 'b':
		return "bool"
	case 'U', 'S':
		return "text"
	}
	return map[byte]string{'i': "int", 'u': "uint", 'f': "float"}[h.Kind] + strconv.Itoa(8*h.Size)
}

// maxHead is NumPy's own limit on what it parses as a head.
const maxHead = 10_000

// ReadHead reads the head of an array; the values follow in r.
func ReadHead(r io.Reader) (*Head, error) {
	var lead [8]byte
	if _, err := io.ReadFull(r, lead[:]); err != nil {
		return nil, errors.New("npy: truncated in the head")
	}
	if string(lead[:6]) != "\x93NUMPY" {
		return nil, errors.New("npy: not a NumPy array")
	}
	var size [4]byte
	field := size[:2]
	switch lead[6] {
	case 1:
	case 2, 3:
		field = size[:]
	default:
		return nil, fmt.Errorf("npy: format version %d, want 1 to 3", lead[6])
	}
	if _, err := io.ReadFull(r, field); err != nil {
		return nil, errors.New("npy: truncated in the head")
	}
	n := binary.LittleEndian.Uint32(size[:])
	if n > maxHead {
		return nil, fmt.Errorf("npy: head of %d bytes, want at most %d", n, maxHead)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, errors.New("npy: truncated in the head")
	}
	return parse(string(text))
}

// The values of the keys of a head.
var (
	descrValue   = regexp.MustCompile(`'descr'\s*:\s*'([<>|=]?[a-zA-Z]\d*)'`)
	fortranValue = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	shapeValue   = regexp.MustCompile(`'shape'\s*:\s*(\([\d\s,L]*\))`)
)

// parse reads the Python dictionary of a head.
func parse(text string) (*Head, error) {
	descr, fortran, shape := find(text, descrValue), find(text, fortranValue), find(text, shapeValue)
	if descr == "" || fortran == "" || shape == "" {
		return nil, fmt.Errorf("npy: head %.80q, want 'descr' of a plain type, 'fortran_order' and 'shape'", text)
	}
	h := &Head{Fortran: fortran == "True", Len: 1, order: binary.LittleEndian}
	if err := h.setType(descr); err != nil {
		return nil, err
	}
	for _, word := range strings.FieldsFunc(shape, func(c rune) bool { return !('0' <= c && c <= '9') }) {
		d, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("npy: shape %s: %s is beyond reason", shape, word)
		}
		hi, lo := bits.Mul64(uint64(h.Len), uint64(d))
		if hi != 0 || lo > math.MaxInt64/8 {
			return nil, fmt.Errorf("npy: shape %s is beyond reason", shape)
		}
		h.Len = int(lo)
		h.Shape = append(h.Shape, d)
	}
	return h, nil
}

func find(text string, value *regexp.Regexp) string {
	m := value.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

func (h *Head) setType(descr string) error {
	if descr[0] == '>' {
		h.order = binary.BigEndian
	}
	t := strings.TrimLeft(descr, "<>|=")
	switch t {
	case "b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8":
		h.Kind, h.Size = t[0], int(t[1]-'0')
		return nil
	}
	if n, err := strconv.Atoi(t[1:]); err == nil && n > 0 && n <= maxText && (t[0] == 'U' || t[0] == 'S') {
		h.Kind, h.Size = t[0], n
		if t[0] == 'U' {
			h.Size = 4 * n
		}
		return nil
	}
	if t[0] == 'O' {
		return errors.New("npy: array of Python objects: unpickling runs code, so it is refused")
	}
	return fmt.Errorf("npy: type %q, want bool, integers or floats of up to 8 bytes, or text of up to %d letters",
		descr, maxText)
}

// step is how many bytes are read at a time.
const step = 1 << 16

// maxText is the letters that a value of text may have: of four bytes each, they are read in a step.
const maxText = step / 4

// read passes the values to put as they arrive, in the order of the file.
func (h *Head) read(r io.Reader, put func(values []byte) error) error {
	buf := make([]byte, min(step, h.Len*h.Size))
	for left := h.Len; left > 0; {
		n := min(left, step/h.Size)
		got, err := io.ReadFull(r, buf[:n*h.Size])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("npy: truncated: %d of %d values", h.Len-left+got/h.Size, h.Len)
		}
		if err != nil {
			return err
		}
		if err := put(buf[:n*h.Size]); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// collect reads the values into memory, in row-major order.
func collect[T any](h *Head, r io.Reader, convert func(value []byte) T) ([]T, error) {
	var out []T
	err := h.read(r, func(values []byte) (err error) {
		if out, err = memory.Grow("the array", out, len(values)/h.Size); err != nil {
			return err
		}
		for ; len(values) > 0; values = values[h.Size:] {
			out = append(out, convert(values[:h.Size]))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rowMajor(h, out)
}

// Floats reads the values as float32, rounded where they are wider, in row-major
// order.
func (h *Head) Floats(r io.Reader) ([]float32, error) {
	if h.isText() {
		return nil, fmt.Errorf("npy: values of type %s, want numbers", h.Type())
	}
	convert := h.float32
	if h.Kind != 'f' {
		convert = func(b []byte) float32 { return float32(h.int64(b)) }
	}
	return collect(h, r, convert)
}

// Ints reads the values of an array of integers or bools, in row-major order.
// Values beyond int64 saturate.
func (h *Head) Ints(r io.Reader) ([]int64, error) {
	if h.Kind == 'f' || h.isText() {
		return nil, fmt.Errorf("npy: values of type %s, want integers", h.Type())
	}
	return collect(h, r, h.int64)
}

func (h *Head) isText() bool { return h.Kind == 'U' || h.Kind == 'S' }

// Texts reads the values of an array of text, in row-major order: letters of 4 bytes ('U')
// or bytes ('S'), without the zeros at their end.
func (h *Head) Texts(r io.Reader) ([]string, error) {
	if !h.isText() {
		return nil, fmt.Errorf("npy: values of type %s, want text", h.Type())
	}
	return collect(h, r, func(b []byte) string {
		if h.Kind == 'S' {
			return strings.TrimRight(string(b), "\x00")
		}
		letters := make([]rune, len(b)/4)
		for i := range letters {
			letters[i] = rune(h.order.Uint32(b[4*i:]))
		}
		return strings.TrimRight(string(letters), "\x00")
	})
}

// Tensor reads the values as they are; float16 becomes float32. Types that the engine
// does not compute with are errors.
func (h *Head) Tensor(r io.Reader) (*tensor.Tensor, error) {
	switch h.Type() {
	case "float16", "float32":
		return typed(h, r, h.float32)
	case "float64":
		return typed(h, r, func(b []byte) float64 { return math.Float64frombits(h.order.Uint64(b)) })
	case "int64":
		return typed(h, r, h.int64)
	case "int32":
		return typed(h, r, func(b []byte) int32 { return int32(h.order.Uint32(b)) })
	case "int16":
		return typed(h, r, func(b []byte) int16 { return int16(h.order.Uint16(b)) })
	case "int8":
		return typed(h, r, func(b []byte) int8 { return int8(b[0]) })
	case "uint64":
		return typed(h, r, h.order.Uint64)
	case "uint32":
		return typed(h, r, h.order.Uint32)
	case "uint16":
		return typed(h, r, h.order.Uint16)
	case "uint8":
		return typed(h, r, func(b []byte) uint8 { return b[0] })
	case "bool":
		return typed(h, r, func(b []byte) bool { return b[0] != 0 })
	}
	return nil, fmt.Errorf("npy: values of type %s are not supported", h.Type())
}

func typed[T tensor.Element](h *Head, r io.Reader, convert func(value []byte) T) (*tensor.Tensor, error) {
	v, err := collect(h, r, convert)
	if err != nil {
		return nil, err
	}
	return tensor.From(v, h.Shape...), nil
}

func (h *Head) float32(b []byte) float32 {
	switch h.Size {
	case 2:
		return half.FromF16(h.order.Uint16(b))
	case 4:
		return math.Float32frombits(h.order.Uint32(b))
	}
	return float32(math.Float64frombits(h.order.Uint64(b)))
}

func (h *Head) int64(b []byte) int64 {
	signed := h.Kind == 'i'
	switch h.Size {
	case 1:
		if signed {
			return int64(int8(b[0]))
		}
		return int64(b[0])
	case 2:
		v := h.order.Uint16(b)
		if signed {
			return int64(int16(v))
		}
		return int64(v)
	case 4:
		v := h.order.Uint32(b)
		if signed {
			return int64(int32(v))
		}
		return int64(v)
	}
	v := h.order.Uint64(b)
	if signed {
		return int64(v)
	}
	return int64(min(v, math.MaxInt64))
}

// rowMajor brings values in Fortran order into row-major order.
func rowMajor[T any](h *Head, in []T) ([]T, error) {
	if !h.Fortran || len(h.Shape) < 2 {
		return in, nil
	}
	out, err := memory.Grow[T]("the array", nil, len(in))
	if err != nil {
		return nil, err
	}
	out = out[:len(in)]
	index := make([]int, len(h.Shape))
	for i := range out {
		at := 0
		for d := len(index) - 1; d >= 0; d-- {
			at = at*h.Shape[d] + index[d]
		}
		out[i] = in[at]
		for d := len(index) - 1; d >= 0; d-- {
			if index[d]++; index[d] < h.Shape[d] {
				break
			}
			index[d] = 0
		}
	}
	return out, nil
}
