package onnx

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"memprobe/internal/atomicfile"
	"memprobe/internal/fault"
	"memprobe/internal/infile"
	"memprobe/internal/mapped"
)

// Load reads a model from a file. What it returns is whole as a message; whether
// the graph in it makes sense is for Check to say. Of a large file the weights stay
// where they are and are read when they are needed: the file must not be written to while
// the process lives. To replace it by another of its name, as Save does, is safe.
func Load(path string) (*Model, error) {
	data, isMapped, err := showFile(path)
	if err != nil {
		return nil, err
	}
	m, err := parse(data, path, filepath.Dir(path), true)
	if err == nil && isMapped {
		m.shown.add("", data)
	}
	return m, err
}

// showFile is readFile, but maps a file of more than mapFrom bytes.
func showFile(path string) (data []byte, isMapped bool, err error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() < mapFrom || info.Size() > maxBytes {
		data, err = readFile(path)
		return data, false, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, false, fault.Wrap(path, err)
	}
	defer f.Close()
	if data, _, err = mapped.File(f, info.Size(), false); err != nil {
		return nil, false, fault.Wrap(path, err)
	}
	return data, true, nil
}

// readFile reads a regular file of a size that an ONNX message can have.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.Wrap(path, err)
	}
	if info.Mode().IsRegular() && info.Size() > maxBytes {
		return nil, fault.Errorf(path,
			"is %s, more than the 2 GiB of an ONNX file; larger weights belong into external data", gib(info.Size()))
	}
	data, err := infile.Read(path)
	if err != nil {
		return nil, fault.Wrap(path, err)
	}
	return data, nil
}

// Save writes the model as one file, whole or not at all, external data moved
// inside. A failure to write is the file system's error, not an Error.
func (m *Model) Save(path string) error {
	data, err := m.Bytes()
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// diagnose says in one line why data is not a model.
func diagnose(data []byte, cause error) string {
	if kind := sniff(data); kind != "" {
		return fmt.Sprintf("not an ONNX model: it looks like %s", kind)
	}
	for rest := data; len(rest) > 0; {
		num, typ, n := protowire.ConsumeTag(rest)
		if n < 0 {
			break
		}
		size := protowire.ConsumeFieldValue(num, typ, rest[n:])
		if size < 0 {
			want, k := protowire.ConsumeVarint(rest[n:])
			if have := len(rest) - n - k; typ == protowire.BytesType && k > 0 && want > uint64(have) && want <= maxBytes {
				return fmt.Sprintf("not an ONNX model, or cut off: field %d at byte %d takes %d bytes, the file has "+
					"%d more", num, len(data)-len(rest), want, have)
			}
			break
		}
		rest = rest[n+size:]
	}
	return fmt.Sprintf("not an ONNX model: %v", cause)
}

// sniff names the formats that are most often mistaken for a model.
func sniff(data []byte) string {
	for _, f := range []struct{ magic, kind string }{
		{"\x89PNG\r\n", "a PNG image"},
		{"\xff\xd8\xff", "a JPEG image"},
		{"%PDF-", "a PDF document"},
		{"PK\x03\x04", "a ZIP archive (a PyTorch checkpoint or .npz?)"},
		{"PK\x05\x06", "a ZIP archive (a PyTorch checkpoint or .npz?)"},
		{"\x1f\x8b", "a gzip file"},
		{"\x93NUMPY", "a NumPy array"},
		{"\x89HDF\r\n", "an HDF5 file (Keras?)"},
		{"\x80\x02", "a Python pickle (a PyTorch checkpoint?)"},
		{"version https://git-lfs", "a Git LFS pointer; fetch the file itself with `git lfs pull`"},
		{"\x7fELF", "an executable"},
	} {
		if bytes.HasPrefix(data, []byte(f.magic)) {
			return f.kind
		}
	}
	head := data[:min(len(data), 512)]
	text := func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }
	if len(head) > 0 && bytes.IndexFunc(head, text) < 0 && utf8.Valid(head[:len(head)-min(len(head)-1, utf8.UTFMax)]) {
		return "text"
	}
	return ""
}
