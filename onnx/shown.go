package onnx

import (
	"encoding/binary"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"memprobe/internal/mapped"
	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
)

// mapFrom is the size of a file from which it is mapped, not read.
const mapFrom = 1 << 20

// showing are the mapped files of a model, by their location, the model's own by "". They
// stay mapped as long as the process lives: tensors that show them outlive the model.
type showing struct {
	mu    sync.Mutex
	files map[string][]byte
}

func (m *showing) add(location string, data []byte) {
	if m.files == nil {
		m.files = map[string][]byte{}
	}
	m.files[location] = data
}

// external shows external data, mapped.
func (m *showing) external(e *external) (raw []byte, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if file := m.files[e.location]; int64(len(file)) >= e.offset+e.length {
		return file[e.offset:][:e.length:e.length], nil
	}
	err = e.visit(func(f *os.File, size int64) error {
		file, _, err := mapped.File(f, size, false)
		if err == nil {
			m.add(e.location, file)
			raw = file[e.offset:][:e.length:e.length] // locate found that many bytes in the file
		}
		return err
	})
	return raw, err
}

// forget lets go of the memory of a part of a mapped file that is not read again soon; of
// other memory nothing happens.
func (m *showing) forget(part []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, file := range m.files {
		if mapped.Within(part, file) {
			mapped.Forget(part)
		}
	}
}

// show is DecodeTensor, but a tensor whose elements are stored as they are in memory
// shows these. It must not be written to.
func (m *Model) show(p *onnxpb.TensorProto) (*tensor.Tensor, error) {
	l, err := layoutOf(p, m.dir)
	if err != nil {
		return nil, err
	}
	d, raw := DType(l.elem), p.RawData
	size := d.Size()
	switch {
	case !l.raw && l.elem == onnxpb.TensorProto_FLOAT:
		return tensor.From(p.FloatData, l.shape...), nil
	case !l.raw || d == tensor.Bool || 8*size != formats[l.elem].bits || !littleEndian():
		return DecodeTensor(p, m.dir)
	case l.ext != nil && l.ext.length < mapFrom:
		raw, err = l.ext.read()
	case l.ext != nil:
		raw, err = m.shown.external(l.ext)
	}
	if err != nil {
		return nil, err
	}
	if !unaligned() && uintptr(unsafe.Pointer(unsafe.SliceData(raw)))%uintptr(size) != 0 {
		return decodeRaw(raw, l), nil
	}
	return tensor.Over(d, raw, l.shape...), nil
}

func littleEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

// unaligned tells whether the processor reads numbers at any address: those of a
// message lie anywhere.
func unaligned() bool { return runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64" }
