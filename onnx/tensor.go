package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/fault"
	"memprobe/internal/memory"
	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
)

// layout is what a TensorProto claims about itself, checked against what it has.
type layout struct {
	elem  DataType
	shape []int
	len   int  // elements
	raw   bool // in raw_data or external data
	ext   *external
}

// layoutOf checks everything about p but the values of its elements. It
// allocates nothing in proportion to what p claims.
func layoutOf(p *onnxpb.TensorProto, dir string) (layout, error) {
	l := layout{elem: DataType(p.GetDataType())}
	if DType(l.elem) == tensor.Invalid {
		return l, fmt.Errorf("element type %v is not supported", l.elem)
	}
	var err error
	if l.shape, l.len, err = dims(p.Dims); err != nil {
		return l, err
	}
	if p.Segment != nil {
		return l, fmt.Errorf("tensors in segments are not supported")
	}
	typed, stray := typedLen(p, l.elem)
	if stray {
		return l, fmt.Errorf("elements of %v lie in the field of another type", l.elem)
	}
	if p.GetDataLocation() == onnxpb.TensorProto_EXTERNAL {
		if typed > 0 || len(p.RawData) > 0 {
			return l, fmt.Errorf("has both external and internal data")
		}
		l.raw = true
		l.ext, err = locate(p, dir, int64(rawLen(l.elem, l.len)))
		return l, err
	}
	if len(p.RawData) > 0 || p.RawData != nil && typed == 0 {
		l.raw = true
		if typed > 0 {
			return l, fmt.Errorf("has both raw_data and typed data")
		}
		if want := rawLen(l.elem, l.len); len(p.RawData) != want {
			return l, fmt.Errorf("raw_data has %d bytes, shape %v of %v wants %d", len(p.RawData), l.shape, l.elem, want)
		}
		return l, nil
	}
	if want := typedWant(l.elem, l.len); typed != want {
		return l, fmt.Errorf("has %d elements, shape %v wants %d", typed, l.shape, want)
	}
	return l, nil
}

// dims converts and multiplies dimensions, of elements of up to eight bytes.
func dims(d []int64) (shape []int, n int, err error) {
	shape, n = make([]int, len(d)), 1
	zero := slices.Contains(d, 0)
	for i, v := range d {
		if v < 0 {
			return nil, 0, fmt.Errorf("shape %v has a negative size", d)
		}
		if v > math.MaxInt || !zero && v > 0 && n > math.MaxInt/8/int(v) {
			return nil, 0, fmt.Errorf("shape %v overflows", d)
		}
		shape[i] = int(v)
		if !zero {
			n *= int(v)
		}
	}
	if zero {
		n = 0
	}
	return shape, n, nil
}

// typedLen counts the elements in the field that is elem's, and reports whether
// there are any in another.
func typedLen(p *onnxpb.TensorProto, elem DataType) (n int, stray bool) {
	all := len(p.FloatData) + len(p.Int32Data) + len(p.Int64Data) + len(p.DoubleData) + len(p.Uint64Data) +
		len(p.StringData)
	switch elem {
	case onnxpb.TensorProto_FLOAT:
		n = len(p.FloatData)
	case onnxpb.TensorProto_DOUBLE:
		n = len(p.DoubleData)
	case onnxpb.TensorProto_INT64:
		n = len(p.Int64Data)
	case onnxpb.TensorProto_UINT32, onnxpb.TensorProto_UINT64:
		n = len(p.Uint64Data)
	default:
		n = len(p.Int32Data)
	}
	return n, n != all
}

// typedWant is how many numbers of a typed field hold n elements: those of fewer
// than eight bits are packed as in raw_data, a byte to a number.
func typedWant(elem DataType, n int) int {
	if formats[elem].bits < 8 {
		return rawLen(elem, n)
	}
	return n
}

// DecodeTensor returns the elements of p. dir is the folder of external data;
// with "" there is none. An error says what is wrong, not with which tensor.
func DecodeTensor(p *onnxpb.TensorProto, dir string) (*tensor.Tensor, error) {
	l, err := layoutOf(p, dir)
	if err != nil {
		return nil, err
	}
	if err := memory.Need("its elements", int64(l.len)*int64(DType(l.elem).Size())); err != nil {
		return nil, err
	}
	if !l.raw {
		return decodeTyped(p, l)
	}
	raw := p.RawData
	if l.ext != nil {
		if raw, err = l.ext.read(); err != nil {
			return nil, err
		}
	}
	return decodeRaw(raw, l), nil
}

func decodeTyped(p *onnxpb.TensorProto, l layout) (*tensor.Tensor, error) {
	switch l.elem {
	case onnxpb.TensorProto_FLOAT:
		return tensor.From(slices.Clone(p.FloatData), l.shape...), nil
	case onnxpb.TensorProto_DOUBLE:
		return tensor.From(slices.Clone(p.DoubleData), l.shape...), nil
	case onnxpb.TensorProto_INT64:
		return tensor.From(slices.Clone(p.Int64Data), l.shape...), nil
	case onnxpb.TensorProto_INT32:
		return tensor.From(slices.Clone(p.Int32Data), l.shape...), nil
	}
	if l.elem == onnxpb.TensorProto_UINT64 {
		return tensor.From(slices.Clone(p.Uint64Data), l.shape...), nil
	}
	lo, hi := fieldRange(l.elem)
	raw := make([]byte, 0, rawLen(l.elem, l.len))
	put := func(i int, v int64) error {
		if v < lo || v > hi {
			return fmt.Errorf("element %d is %d, want %d to %d", i, v, lo, hi)
		}
		for range max(formats[l.elem].bits/8, 1) {
			raw = append(raw, byte(v))
			v >>= 8
		}
		return nil
	}
	for i, v := range p.Uint64Data { // of UINT32
		if err := put(i, int64(min(v, math.MaxInt64))); err != nil {
			return nil, err
		}
	}
	for i, v := range p.Int32Data {
		if err := put(i, int64(v)); err != nil {
			return nil, err
		}
	}
	return decodeRaw(raw, l), nil
}

// fieldRange bounds the numbers by which int32_data and uint64_data hold elements
// of narrower types.
func fieldRange(elem DataType) (lo, hi int64) {
	switch d := DType(elem); {
	case d == tensor.Int8:
		return math.MinInt8, math.MaxInt8
	case d == tensor.Int16:
		return math.MinInt16, math.MaxInt16
	case d == tensor.Uint32:
		return 0, math.MaxUint32
	case formats[elem].bits == 16:
		return 0, math.MaxUint16
	case formats[elem].bits < 8: // packed bytes, which some writers take as signed
		return math.MinInt8, math.MaxUint8
	}
	return 0, math.MaxUint8
}

// EncodeTensor returns t as a message with raw_data.
func EncodeTensor(name string, t *tensor.Tensor) *onnxpb.TensorProto {
	elem := DataTypeOf(t.DType)
	p := &onnxpb.TensorProto{
		Name:     proto.String(name),
		DataType: proto.Int32(int32(elem)),
		Dims:     make([]int64, len(t.Shape)),
		RawData:  encodeRaw(elem, t),
	}
	for i, d := range t.Shape {
		p.Dims[i] = int64(d)
	}
	return p
}

// replaceData gives p the elements of t, in the field where p's are. The memory of those
// stays as it is: a compiled graph or another model may show it.
func replaceData(p *onnxpb.TensorProto, t *tensor.Tensor) error {
	elem := DataType(p.GetDataType())
	shape, n, err := dims(p.Dims)
	if err != nil {
		return err
	}
	if !slices.Equal(shape, t.Shape) {
		return fmt.Errorf("new elements have shape %v, want %v", t.Shape, shape)
	}
	if DType(elem) != t.DType {
		return fmt.Errorf("new elements are %v, want %v", t.DType, DType(elem))
	}
	if typed, _ := typedLen(p, elem); typed != typedWant(elem, n) || n == 0 {
		p.RawData = encodeRaw(elem, t)
		p.FloatData, p.DoubleData, p.Int64Data, p.Uint64Data, p.Int32Data = nil, nil, nil, nil, nil
		p.DataLocation, p.ExternalData = nil, nil
		return nil
	}
	switch elem {
	case onnxpb.TensorProto_FLOAT:
		p.FloatData = slices.Clone(t.F32())
	case onnxpb.TensorProto_DOUBLE:
		p.DoubleData = slices.Clone(t.F64())
	case onnxpb.TensorProto_INT64:
		p.Int64Data = slices.Clone(t.I64())
	case onnxpb.TensorProto_INT32:
		p.Int32Data = slices.Clone(t.I32())
	case onnxpb.TensorProto_UINT64:
		p.Uint64Data = slices.Clone(tensor.Data[uint64](t))
	case onnxpb.TensorProto_UINT32:
		p.Uint64Data = make([]uint64, n)
		for i, v := range tensor.Data[uint32](t) {
			p.Uint64Data[i] = uint64(v)
		}
	default:
		p.Int32Data = int32Data(elem, t, len(p.Int32Data))
	}
	return nil
}

// int32Data returns elements of a narrow type as int32_data holds them, n numbers.
func int32Data(elem DataType, t *tensor.Tensor, n int) []int32 {
	dst := make([]int32, n)
	raw := encodeRaw(elem, t)
	for i := range dst {
		switch {
		case t.DType == tensor.Int8:
			dst[i] = int32(int8(raw[i]))
		case t.DType == tensor.Int16:
			dst[i] = int32(int16(binary.LittleEndian.Uint16(raw[2*i:])))
		case formats[elem].bits == 16:
			dst[i] = int32(binary.LittleEndian.Uint16(raw[2*i:]))
		default:
			dst[i] = int32(raw[i])
		}
	}
	return dst
}

// ReadTensor reads a file that holds one TensorProto, as ONNX's test data do,
// and returns its name with it.
func ReadTensor(path string) (name string, t *tensor.Tensor, err error) {
	data, err := readFile(path)
	if err != nil {
		return "", nil, err
	}
	p := new(onnxpb.TensorProto)
	if err := proto.Unmarshal(data, p); err != nil {
		return "", nil, fault.Errorf(path, "not an ONNX tensor: %w", err)
	}
	if t, err = DecodeTensor(p, ""); err != nil {
		return "", nil, fault.Errorf(path, "tensor %q: %w", p.GetName(), err)
	}
	return p.GetName(), t, nil
}
