package onnx

import (
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/fault"
	"memprobe/internal/half"
	"memprobe/internal/memory"
	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
)

// DataType is an element type of the file format.
type DataType = onnxpb.TensorProto_DataType

// DType returns the element type that memprobe computes with for one of the
// file format, Invalid where there is none. float16 and bfloat16 become float32.
func DType(d DataType) tensor.DType {
	switch d {
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16:
		return tensor.Float32
	case onnxpb.TensorProto_DOUBLE:
		return tensor.Float64
	case onnxpb.TensorProto_INT64:
		return tensor.Int64
	case onnxpb.TensorProto_INT32:
		return tensor.Int32
	case onnxpb.TensorProto_UINT8:
		return tensor.Uint8
	case onnxpb.TensorProto_BOOL:
		return tensor.Bool
	}
	return tensor.Invalid
}

// DataTypeOf returns the element type of the file format for d.
func DataTypeOf(d tensor.DType) DataType {
	switch d {
	case tensor.Float32:
		return onnxpb.TensorProto_FLOAT
	case tensor.Float64:
		return onnxpb.TensorProto_DOUBLE
	case tensor.Int64:
		return onnxpb.TensorProto_INT64
	case tensor.Int32:
		return onnxpb.TensorProto_INT32
	case tensor.Uint8:
		return onnxpb.TensorProto_UINT8
	case tensor.Bool:
		return onnxpb.TensorProto_BOOL
	}
	return onnxpb.TensorProto_UNDEFINED
}

// IsHalf reports whether d is one of the types of 16 bits that become float32.
func IsHalf(d DataType) bool {
	return d == onnxpb.TensorProto_FLOAT16 || d == onnxpb.TensorProto_BFLOAT16
}

// elemSize is the number of bytes of one element in raw_data.
func elemSize(d DataType) int {
	if IsHalf(d) {
		return 2
	}
	return DType(d).Size()
}

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
	if l.shape, l.len, err = dims(p.Dims, elemSize(l.elem)); err != nil {
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
		l.ext, err = locate(p, dir, int64(l.len)*int64(elemSize(l.elem)))
		return l, err
	}
	if len(p.RawData) > 0 || p.RawData != nil && typed == 0 {
		l.raw = true
		if typed > 0 {
			return l, fmt.Errorf("has both raw_data and typed data")
		}
		if want := l.len * elemSize(l.elem); len(p.RawData) != want {
			return l, fmt.Errorf("raw_data has %d bytes, shape %v of %v wants %d", len(p.RawData), l.shape, l.elem, want)
		}
		return l, nil
	}
	if typed != l.len {
		return l, fmt.Errorf("has %d elements, shape %v wants %d", typed, l.shape, l.len)
	}
	return l, nil
}

// dims converts and multiplies dimensions.
func dims(d []int64, size int) (shape []int, n int, err error) {
	shape, n = make([]int, len(d)), 1
	zero := slices.Contains(d, 0)
	for i, v := range d {
		if v < 0 {
			return nil, 0, fmt.Errorf("shape %v has a negative size", d)
		}
		if v > math.MaxInt || !zero && v > 0 && n > math.MaxInt/size/int(v) {
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
	all := len(p.FloatData) + len(p.Int32Data) + len(p.Int64Data) + len(p.DoubleData) + len(p.Uint64Data) + len(p.StringData)
	switch elem {
	case onnxpb.TensorProto_FLOAT:
		n = len(p.FloatData)
	case onnxpb.TensorProto_DOUBLE:
		n = len(p.DoubleData)
	case onnxpb.TensorProto_INT64:
		n = len(p.Int64Data)
	default:
		n = len(p.Int32Data)
	}
	return n, n != all
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
	t := tensor.New(DType(l.elem), l.shape...)
	top := int32(math.MaxUint16)
	if l.elem == onnxpb.TensorProto_UINT8 || l.elem == onnxpb.TensorProto_BOOL {
		top = math.MaxUint8
	}
	for i, v := range p.Int32Data {
		if v < 0 || v > top {
			return nil, fmt.Errorf("element %d is %d, want 0 to %d", i, v, top)
		}
		switch l.elem {
		case onnxpb.TensorProto_UINT8:
			t.U8[i] = uint8(v)
		case onnxpb.TensorProto_BOOL:
			t.Bool[i] = v != 0
		case onnxpb.TensorProto_FLOAT16:
			t.F32[i] = half.FromF16(uint16(v))
		case onnxpb.TensorProto_BFLOAT16:
			t.F32[i] = half.FromBF16(uint16(v))
		}
	}
	return t, nil
}

// EncodeTensor returns t as a message with raw_data.
func EncodeTensor(name string, t *tensor.Tensor) *onnxpb.TensorProto {
	elem := DataTypeOf(t.DType)
	p := &onnxpb.TensorProto{
		Name:     proto.String(name),
		DataType: proto.Int32(int32(elem)),
		Dims:     make([]int64, len(t.Shape)),
		RawData:  encodeRaw(nil, elem, t),
	}
	for i, d := range t.Shape {
		p.Dims[i] = int64(d)
	}
	return p
}

// replaceData writes t's elements into p, where p's elements are.
func replaceData(p *onnxpb.TensorProto, t *tensor.Tensor) error {
	elem := DataType(p.GetDataType())
	shape, n, err := dims(p.Dims, max(elemSize(elem), 1))
	if err != nil {
		return err
	}
	if !slices.Equal(shape, t.Shape) {
		return fmt.Errorf("new elements have shape %v, want %v", t.Shape, shape)
	}
	if DType(elem) != t.DType {
		return fmt.Errorf("new elements are %v, want %v", t.DType, DType(elem))
	}
	if typed, _ := typedLen(p, elem); typed != n || n == 0 {
		p.RawData = encodeRaw(p.RawData, elem, t)
		p.FloatData, p.DoubleData, p.Int64Data, p.Int32Data = nil, nil, nil, nil
		p.DataLocation, p.ExternalData = nil, nil
		return nil
	}
	switch elem {
	case onnxpb.TensorProto_FLOAT:
		copy(p.FloatData, t.F32)
	case onnxpb.TensorProto_DOUBLE:
		copy(p.DoubleData, t.F64)
	case onnxpb.TensorProto_INT64:
		copy(p.Int64Data, t.I64)
	case onnxpb.TensorProto_INT32:
		copy(p.Int32Data, t.I32)
	default:
		for i := range p.Int32Data {
			p.Int32Data[i] = int32FieldValue(elem, t, i)
		}
	}
	return nil
}

// int32FieldValue is element i as int32_data holds elements of narrow types.
func int32FieldValue(elem DataType, t *tensor.Tensor, i int) int32 {
	switch elem {
	case onnxpb.TensorProto_UINT8:
		return int32(t.U8[i])
	case onnxpb.TensorProto_FLOAT16:
		return int32(half.ToF16(t.F32[i]))
	case onnxpb.TensorProto_BFLOAT16:
		return int32(half.ToBF16(t.F32[i]))
	}
	if t.Bool[i] {
		return 1
	}
	return 0
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
