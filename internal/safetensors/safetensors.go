// Package safetensors reads and writes files of named tensors in Hugging Face's
// format: 8 bytes with the length of a JSON header (little-endian), the header,
// then the elements, row-major and little-endian. Among the metadata is a checksum of
// the file, see package seal; a file without it is not read.
// Format: https://huggingface.co/docs/safetensors
package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"math"
	"slices"

	"memprobe/internal/fault"
	"memprobe/internal/infile"
	"memprobe/internal/memory"
	"memprobe/internal/seal"
	"memprobe/internal/tensor"
)

// maxHeader is the format's own limit.
const maxHeader = 100 << 20

// step is how many elements are converted at a time.
const step = 1 << 16

// metadataKey is the one name that no tensor has.
const metadataKey = "__metadata__"

// entry is what the header says about a tensor.
type entry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"` // from the end of the header
}

// codes are the names of the element types.
func codes() map[tensor.DType]string {
	return map[tensor.DType]string{tensor.Float32: "F32", tensor.Float64: "F64", tensor.Int8: "I8", tensor.Int16: "I16",
		tensor.Int32: "I32", tensor.Int64: "I64", tensor.Uint8: "U8", tensor.Uint16: "U16", tensor.Uint32: "U32",
		tensor.Uint64: "U64", tensor.Bool: "BOOL"}
}

// Write writes tensors in the order of their names. The same content gives the
// same bytes.
func Write(w io.Writer, metadata map[string]string, tensors map[string]*tensor.Tensor) error {
	sealed := map[string]string{seal.Key: seal.Blank()}
	maps.Copy(sealed, metadata)
	header := map[string]any{metadataKey: sealed}
	names := slices.Sorted(maps.Keys(tensors))
	at := 0
	for _, name := range names {
		t := tensors[name]
		size := t.Len() * t.DType.Size()
		shape := t.Shape
		if shape == nil {
			shape = []int{}
		}
		header[name] = entry{codes()[t.DType], shape, [2]int{at, at + size}}
		at += size
	}
	head, err := json.Marshal(header)
	if err != nil {
		return err
	}
	for len(head)%8 != 0 { // so that elements are aligned
		head = append(head, ' ')
	}
	head = append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...)
	elements := func(w io.Writer) error {
		var part []byte
		for _, name := range names {
			t := tensors[name]
			for lo := 0; lo < t.Len(); lo += step {
				part = t.AppendLE(part[:0], lo, min(lo+step, t.Len()))
				if _, err := w.Write(part); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := seal.Seal(head, func(h hash.Hash) error { return elements(h) }); err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	return elements(w)
}

// Read reads a file. Nothing is allocated that the file does not have.
func Read(path string) (metadata map[string]string, tensors map[string]*tensor.Tensor, err error) {
	f, size, err := infile.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if metadata, tensors, err = read(f, size); err != nil {
		return nil, nil, fault.Wrap(path, fmt.Errorf("not a whole safetensors file: %w", err))
	}
	return metadata, tensors, nil
}

func read(r io.ReaderAt, size int64) (map[string]string, map[string]*tensor.Tensor, error) {
	var prefix [8]byte
	if _, err := r.ReadAt(prefix[:], 0); err != nil {
		return nil, nil, err
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, nil, fmt.Errorf("a header of %d bytes in a file of %d", n, size)
	}
	start := int64(8 + n)
	head := make([]byte, start)
	if _, err := r.ReadAt(head, 0); err != nil {
		return nil, nil, err
	}
	if err := seal.Verify(head, func(h hash.Hash) error {
		_, err := io.Copy(h, io.NewSectionReader(r, start, size-start))
		return err
	}); err != nil {
		return nil, nil, err
	}
	head = head[len(prefix):]
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(head, &raw); err != nil {
		return nil, nil, fmt.Errorf("header: %w", fault.Plain(err))
	}
	var metadata map[string]string
	if m, ok := raw[metadataKey]; ok {
		if err := json.Unmarshal(m, &metadata); err != nil {
			return nil, nil, fmt.Errorf("metadata: %w", fault.Plain(err))
		}
		delete(raw, metadataKey)
		delete(metadata, seal.Key)
	}
	tensors := make(map[string]*tensor.Tensor, len(raw))
	left := size - start // entries that overlap would hold more than the file
	for name, m := range raw {
		t, err := one(io.NewSectionReader(r, start, size-start), m)
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		if left -= int64(t.Len()) * int64(t.DType.Size()); left < 0 {
			return nil, nil, errors.New("its tensors overlap")
		}
		tensors[name] = t
	}
	return metadata, tensors, nil
}

// one reads the tensor that an entry of the header describes.
func one(data *io.SectionReader, head json.RawMessage) (*tensor.Tensor, error) {
	var e entry
	if err := json.Unmarshal(head, &e); err != nil {
		return nil, fault.Plain(err)
	}
	dtype := tensor.Invalid
	for d, code := range codes() {
		if code == e.DType {
			dtype = d
		}
	}
	if dtype == tensor.Invalid {
		return nil, fmt.Errorf("element type %q is not supported", e.DType)
	}
	count := 1
	for _, d := range e.Shape {
		if d < 0 || d > 0 && count > math.MaxInt32*dtype.Size()/d {
			return nil, fmt.Errorf("shape %v", e.Shape)
		}
		count *= d
	}
	lo, hi := int64(e.Offsets[0]), int64(e.Offsets[1])
	if lo < 0 || hi > data.Size() || hi-lo != int64(count)*int64(dtype.Size()) {
		return nil, fmt.Errorf("shape %v of %s lies at %v of %d bytes", e.Shape, e.DType, e.Offsets, data.Size())
	}
	if err := memory.Need("its content", hi-lo); err != nil {
		return nil, err
	}
	t := tensor.New(dtype, e.Shape...)
	r := io.NewSectionReader(data, lo, hi-lo)
	part := make([]byte, min(step, count)*dtype.Size())
	for at := 0; at < count; at += step {
		part = part[:min(step, count-at)*dtype.Size()]
		if _, err := io.ReadFull(r, part); errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return nil, errors.New("truncated")
		} else if err != nil {
			return nil, err
		}
		t.SetLE(part, at)
	}
	return t, nil
}
