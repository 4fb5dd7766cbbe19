package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"memprobe/internal/atomicfile"
	"memprobe/internal/filelock"
	"memprobe/internal/half"
	"memprobe/internal/mapped"
	"memprobe/internal/memory"
	"memprobe/internal/seal"
)

const (
	format    = "memprobe.features/1"
	sumSize   = sha256.Size
	headAlign = 64
	dataAlign = 4096
	maxHead   = 1 << 20
	maxChunks = 1 << 24 // each is looked at
)

// Type is how features are stored.
type Type string

// The types.
const (
	Float32 Type = "float32"
	Float16 Type = "float16" // rounded to nearest; half the size, not the same bits
)

// ParseType reads the name of a type.
func ParseType(name string) (Type, error) {
	switch t := Type(name); t {
	case Float32, Float16:
		return t, nil
	}
	return "", fmt.Errorf("%q, want float32 or float16", name)
}

func (t Type) size() int64 {
	if t == Float16 {
		return 2
	}
	return 4
}

// Layer is what the features are of.
type Layer struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"` // of one image's activations
	Pool  string `json:"pool"`
	Dim   int    `json:"dim"` // of a row
}

// header is the first line of a file.
type header struct {
	Format   string `json:"format"`
	Checksum string `json:"checksum"`
	About    string `json:"about"` // for people
	spec
	Layer Layer `json:"layer"`
}

// spec is what the files of an entry have in common, and its name is the hash of.
type spec struct {
	Key   Key    `json:"key"`
	Rows  int    `json:"rows"`
	Chunk int    `json:"chunk"` // rows; the last chunk may have fewer
	Type  Type   `json:"type"`
	Order string `json:"byte_order"`
}

func byteOrder() string {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return "little"
	}
	return "big"
}

func (s spec) chunks() int { return (s.Rows + s.Chunk - 1) / s.Chunk }

// span is the rows of a chunk.
func (s spec) span(chunk int) (lo, hi int) { return chunk * s.Chunk, min((chunk+1)*s.Chunk, s.Rows) }

// file is the features of one layer, open.
type file struct {
	header
	path     string
	f        *os.File
	sums, at int64  // where the sums and the rows begin
	good     []bool // chunks that are known to be whole
}

// place says where the parts of a file lie behind a header of that many bytes.
func (h *header) place(head int64) (sums, rows, size int64) {
	up := func(n, to int64) int64 { return (n + to - 1) / to * to }
	sums = up(head, headAlign)
	rows = up(sums+sumSize*int64(h.chunks()), dataAlign)
	return sums, rows, rows + int64(h.Rows)*int64(h.Layer.Dim)*h.Type.size()
}

// encode is the header's line, sealed.
func (h *header) encode() ([]byte, error) {
	h.Checksum = seal.Blank()
	line, err := json.Marshal(h)
	if err == nil {
		err = seal.Seal(line, nil)
	}
	return append(line, '\n'), err
}

// openFile opens a file to be read and, where that is allowed, written. It fails if the
// file is not what its header and its path claim: one that was moved or copied to the place
// of another holds other features.
func openFile(path string) (*file, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if filelock.ReadOnly(err) {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, err
	}
	l := &file{path: path, f: f}
	if err := l.readHeader(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	l.good = make([]bool, l.chunks())
	return l, nil
}

func (l *file) readHeader() error {
	line, err := bufio.NewReader(io.NewSectionReader(l.f, 0, maxHead)).ReadBytes('\n')
	if err != nil {
		return errors.New("has no header")
	}
	if err := seal.Verify(line[:len(line)-1], nil); err != nil {
		return fmt.Errorf("the header %w", err)
	}
	info, err := l.f.Stat()
	if err != nil {
		return err
	}
	if err := l.decode(line, info.Size()); err != nil {
		return err
	}
	entry, err := hash(l.spec)
	layer, errLayer := hash(l.Layer)
	if here := filepath.Join(filepath.Base(filepath.Dir(l.path)), filepath.Base(l.path)); err != nil || errLayer != nil ||
		here != filepath.Join(entry, layer+suffix) {
		return fmt.Errorf("belongs at %s", filepath.Join(entry, layer+suffix))
	}
	return nil
}

// decode reads a header's line, of a file of that many bytes. Nothing is allocated that
// the file does not hold.
func (l *file) decode(line []byte, bytes int64) error {
	if err := json.Unmarshal(line, &l.header); err != nil {
		return err
	}
	if _, err := ParseType(string(l.Type)); err != nil {
		return err
	}
	if l.Format != format || l.Rows < 1 || l.Chunk < 1 || l.Chunk > math.MaxInt32 || l.Layer.Dim < 1 {
		return fmt.Errorf("is of format %q with %d rows of %d, want %s", l.Format, l.Rows, l.Layer.Dim, format)
	}
	if l.chunks() > maxChunks {
		return fmt.Errorf("has %d chunks, want at most %d", l.chunks(), maxChunks)
	}
	if rows := memory.Product(l.Rows, l.Layer.Dim, int(l.Type.size())); rows < 0 || rows > bytes {
		return fmt.Errorf("has %d bytes, too few for %d rows of %d", bytes, l.Rows, l.Layer.Dim)
	}
	var size int64
	if l.sums, l.at, size = l.place(int64(len(line))); size != bytes {
		return fmt.Errorf("has %d bytes, want %d", bytes, size)
	}
	return nil
}

// createFile makes a file without rows; it appears with its header and its full size.
func createFile(path string, h header) (*file, error) {
	head, err := h.encode()
	if err != nil {
		return nil, err
	}
	f, err := atomicfile.Temp(filepath.Dir(path))
	if err != nil {
		return nil, atomicfile.Named(path, err)
	}
	_, _, size := h.place(int64(len(head)))
	_, err = f.Write(head)
	if err = errors.Join(err, f.Truncate(size), f.Chmod(0o644)); err == nil {
		err = atomicfile.Rename(f, path)
	}
	if err != nil {
		f.Close()
		return nil, errors.Join(atomicfile.Named(path, err), atomicfile.Remove(f))
	}
	return openFile(path)
}

// where is the place of a chunk's bytes.
func (l *file) where(chunk int) (at, size int64) {
	lo, hi := l.span(chunk)
	row := int64(l.Layer.Dim) * l.Type.size()
	return l.at + int64(lo)*row, int64(hi-lo) * row
}

// sum is the checksum of a chunk's bytes.
func (l *file) sum(chunk int, b []byte) []byte {
	h := sha256.New()
	io.WriteString(h, l.Checksum)
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(chunk))
	h.Write(n[:])
	h.Write(b)
	return h.Sum(nil)
}

// marked tells whether a chunk has a sum, right or not.
func (l *file) marked(chunk int) bool {
	var sum [sumSize]byte
	_, err := l.f.ReadAt(sum[:], l.sums+sumSize*int64(chunk))
	return err == nil && sum != [sumSize]byte{}
}

// has tells whether a chunk is whole.
func (l *file) has(chunk int) bool {
	if l.good[chunk] || !l.marked(chunk) {
		return l.good[chunk]
	}
	var sum [sumSize]byte
	at, size := l.where(chunk)
	b := make([]byte, size)
	if _, err := l.f.ReadAt(b, at); err != nil {
		return false
	}
	if _, err := l.f.ReadAt(sum[:], l.sums+sumSize*int64(chunk)); err != nil {
		return false
	}
	l.good[chunk] = bytes.Equal(sum[:], l.sum(chunk, b))
	return l.good[chunk]
}

// write stores the rows of a chunk, their sum last.
func (l *file) write(chunk int, rows []float32) error {
	at, _ := l.where(chunk)
	b := encode(l.Type, rows)
	if _, err := l.f.WriteAt(b, at); err != nil {
		return err
	}
	_, err := l.f.WriteAt(l.sum(chunk, b), l.sums+sumSize*int64(chunk))
	l.good[chunk] = err == nil
	return err
}

// read copies the rows of a chunk, which is whole, to dst.
func (l *file) read(dst []float32, chunk int) error {
	at, size := l.where(chunk)
	b := make([]byte, size)
	if _, err := l.f.ReadAt(b, at); err != nil {
		return err
	}
	decode(l.Type, dst, b)
	return nil
}

// rows shows all rows, which must be whole: mapped, or in memory where they are not
// stored as float32.
func (l *file) rows() (data []float32, release func() error, err error) {
	n := int64(l.Rows) * int64(l.Layer.Dim)
	if l.Type == Float32 {
		b, release, err := mapped.File(l.f, l.at+4*n, false)
		if err != nil {
			return nil, nil, err
		}
		return mapped.Floats(b[l.at:]), release, nil
	}
	if err := memory.Need(fmt.Sprintf("the features of layer %q", l.Layer.Name), 4*n); err != nil {
		return nil, nil, err
	}
	data = make([]float32, n)
	for c := range l.chunks() {
		lo, hi := l.span(c)
		if err := l.read(data[lo*l.Layer.Dim:hi*l.Layer.Dim], c); err != nil {
			return nil, nil, err
		}
	}
	return data, func() error { return nil }, nil
}

// encode is the stored form of rows; of float32 their own memory.
func encode(t Type, rows []float32) []byte {
	if t == Float32 {
		return mapped.Bytes(rows)
	}
	b := make([]byte, 2*len(rows))
	for i, v := range rows {
		binary.NativeEndian.PutUint16(b[2*i:], half.ToF16(v))
	}
	return b
}

func decode(t Type, dst []float32, b []byte) {
	if t == Float32 {
		copy(mapped.Bytes(dst), b)
		return
	}
	for i := range dst {
		dst[i] = half.FromF16(binary.NativeEndian.Uint16(b[2*i:]))
	}
}
