package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"

	"memprobe/internal/fault"
	"memprobe/internal/infile"
	"memprobe/internal/memory"
)

var idxFormats = []format{
	{name: "fashion-mnist", title: "Fashion-MNIST, 60,000 + 10,000 grey 28x28", path: "DIR",
		load: idxOf(fashionNames()), places: []string{"fashion-mnist", "FashionMNIST/raw", "FashionMNIST"}},
	{name: "mnist", title: "MNIST digits, 60,000 + 10,000 grey 28x28", path: "DIR",
		load: idxOf(numbered(10)), places: []string{"mnist", "MNIST/raw", "MNIST"}},
	{name: "idx", title: "IDX files, plain or gzipped", path: "DIR", load: idxOf(nil)},
}

// idxOf reads a folder of four IDX files, the layout of MNIST. Without class
// names, there are as many classes as the greatest label says.
func idxOf(classes []string) func(*loader, string) (*content, error) {
	return func(l *loader, dir string) (*content, error) {
		train, err := l.idxSplit(dir, "train")
		if err != nil {
			return nil, err
		}
		test, err := l.idxSplit(dir, "t10k", "test")
		if err != nil {
			return nil, err
		}
		if test.c != train.c || test.h != train.h || test.w != train.w {
			return nil, test.fault(0, "images of %dx%dx%d, those for training are %dx%dx%d",
				test.c, test.h, test.w, train.c, train.h, train.w)
		}
		names := classes
		if names == nil {
			names = numbered(1 + maxLabel(train, test))
		}
		return &content{classes: names, train: *train, test: *test}, nil
	}
}

func maxLabel(splits ...*source) int {
	top := 0
	for _, s := range splits {
		for _, y := range s.labels {
			top = max(top, y)
		}
	}
	return top
}

func (l *loader) idxSplit(dir string, prefixes ...string) (*source, error) {
	images, err := findIDX(dir, "images", prefixes)
	if err != nil {
		return nil, err
	}
	labels, err := findIDX(dir, "labels", prefixes)
	if err != nil {
		return nil, err
	}
	x, err := l.openIDX(images)
	if err != nil {
		return nil, err
	}
	y, err := l.openIDX(labels)
	if err != nil {
		return nil, err
	}
	return idxSource(images, labels, x, y)
}

// findIDX finds a file by the names in use: train-images-idx3-ubyte,
// train-images.idx3-ubyte, with .gz or without, or the file of that name in a folder
// of that name, as some archives unpack.
func findIDX(dir, what string, prefixes []string) (string, error) {
	for _, prefix := range prefixes {
		for _, pattern := range []string{"-idx?-ubyte", ".idx?-ubyte", "-idx?-ubyte.gz", ".idx?-ubyte.gz"} {
			found, err := filepath.Glob(filepath.Join(escapeGlob(dir), prefix+"-"+what+pattern))
			if err != nil || len(found) == 0 {
				continue
			}
			inside := filepath.Join(found[0], filepath.Base(found[0]))
			if _, err := os.Stat(inside); err == nil {
				return inside, nil
			}
			return found[0], nil
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
			return "", fault.Errorf(dir, "a file, want the folder of the four IDX files")
		}
		return "", fault.Wrap(dir, err)
	}
	var names []string
	for _, e := range entries[:min(len(entries), 8)] {
		names = append(names, e.Name())
	}
	return "", fault.Errorf(dir, "no IDX file %s-%s-idx%d-ubyte or the same with .gz among its %d entries %q",
		prefixes[0], what, map[string]int{"images": 3, "labels": 1}[what], len(entries), names)
}

// idxArray is the content of an IDX file of unsigned bytes.
type idxArray struct {
	dims []int
	data []byte
}

func idxSource(imageFile, labelFile string, x, y *idxArray) (*source, error) {
	if len(x.dims) != 3 && len(x.dims) != 4 {
		return nil, fault.Errorf(imageFile,
			"%d dimensions, want 3 (images, rows, columns) or 4 (images, channels, rows, columns)", len(x.dims))
	}
	if len(y.dims) != 1 {
		return nil, fault.Errorf(labelFile, "%d dimensions, want 1 (labels)", len(y.dims))
	}
	n := x.dims[0]
	if y.dims[0] != n {
		return nil, fault.Errorf(labelFile, "%d labels for the %d images of %s", y.dims[0], n, filepath.Base(imageFile))
	}
	s := &source{c: 1, h: x.dims[len(x.dims)-2], w: x.dims[len(x.dims)-1]}
	if len(x.dims) == 4 {
		s.c = x.dims[1]
	}
	size := s.c * s.h * s.w
	if size == 0 || s.c != 1 && s.c != 3 {
		return nil, fault.Errorf(imageFile, "images of %dx%dx%d, want 1 or 3 channels of 1x1 or more", s.c, s.h, s.w)
	}
	s.labels = make([]int, n)
	s.pixels = make([][]uint8, n)
	for i := range n {
		s.labels[i] = int(y.data[i])
		s.pixels[i] = x.data[i*size : (i+1)*size : (i+1)*size]
	}
	s.where = func(i int) (string, int) { return labelFile, i }
	return s, nil
}

// openIDX reads an IDX file (LeCun, "The MNIST database"): two zero bytes, the
// type of value, the number of dimensions, each dimension as a big-endian
// uint32, then the values. A plain file that is too large is mapped.
func (l *loader) openIDX(path string) (*idxArray, error) {
	f, size, err := infile.Open(path)
	if err != nil {
		return nil, fault.Wrap(path, err)
	}
	defer f.Close()
	br := bufio.NewReader(f)
	if magic, _ := br.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		a, err := gunzipIDX(br)
		return a, wrap(path, err)
	}
	dims, want, err := idxHead(br)
	if err != nil {
		return nil, wrap(path, err)
	}
	head := int64(4 + 4*len(dims))
	if got := size - head; got != want {
		return nil, wrap(path, sizeError(got, want, dims))
	}
	data, err := l.bytes(f, size)
	if err != nil {
		return nil, wrap(path, err)
	}
	return &idxArray{dims, data[head:]}, nil
}

// gunzipIDX reads a gzipped IDX file.
func gunzipIDX(r io.Reader) (*idxArray, error) {
	z, err := newGunzip(r)
	if err != nil {
		return nil, err
	}
	dims, want, err := idxHead(z)
	if err != nil {
		return nil, err
	}
	data, err := memory.ReadAll("what it unpacks to", io.LimitReader(z, want+1), nil)
	got := int64(len(data))
	if got > want || got < want && (err == nil || errors.Is(err, io.ErrUnexpectedEOF)) {
		return nil, sizeError(got, want, dims)
	}
	return &idxArray{dims, data}, err
}

// gunzip reads the members of a gzip file, one after another. Zero bytes behind
// them, which tapes and block devices leave, are no data; others are an error.
type gunzip struct {
	*gzip.Reader
	in *bufio.Reader
}

func newGunzip(r io.Reader) (*gunzip, error) {
	in := bufio.NewReader(r)
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return &gunzip{z, in}, nil
}

func (g *gunzip) Read(p []byte) (int, error) {
	n, err := g.Reader.Read(p)
	if err != io.EOF {
		return n, err
	}
	for {
		switch next, end := g.in.ReadByte(); {
		case end != nil:
			return n, end
		case next == 0:
		case next != 0x1f:
			return n, errors.New("behind the gzip data there are bytes that are none")
		default:
			if err := g.in.UnreadByte(); err != nil {
				return n, err
			}
			if err := g.Reset(g.in); err != nil {
				return n, err
			}
			g.Multistream(false)
			return n, nil
		}
	}
}

// idxHead reads the head of an IDX file; want is how many bytes must follow.
func idxHead(r io.Reader) (dims []int, want int64, err error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, 0, errors.New("truncated in the head of the IDX file")
	}
	if magic[0] != 0 || magic[1] != 0 {
		return nil, 0, fmt.Errorf("not an IDX file: starts with % x, want 00 00", magic)
	}
	if magic[2] != 0x08 {
		return nil, 0, fmt.Errorf("IDX values of type 0x%02x, want unsigned bytes (0x08)", magic[2])
	}
	if magic[3] < 1 || magic[3] > 4 {
		return nil, 0, fmt.Errorf("%d dimensions, want 1 to 4", magic[3])
	}
	total := uint64(1)
	for range magic[3] {
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, 0, errors.New("truncated in the head of the IDX file")
		}
		d := binary.BigEndian.Uint32(b[:])
		hi, lo := bits.Mul64(total, uint64(d))
		if hi != 0 || lo > 1<<48 {
			return nil, 0, fmt.Errorf("dimensions %v and %d are beyond reason", dims, d)
		}
		total = lo
		dims = append(dims, int(d))
	}
	return dims, int64(total), nil
}

func sizeError(got, want int64, dims []int) error {
	state := "truncated"
	if got > want {
		state = "too long"
	}
	record := want
	if dims[0] > 0 {
		record = want / int64(dims[0])
	}
	if got > want {
		return fmt.Errorf("%s: more than the %d records of %d bytes that its head promises", state, dims[0], record)
	}
	return fmt.Errorf("%s in record %d: %d bytes of values, want %d (%d records of %d)",
		state, got/max(record, 1), got, want, dims[0], record)
}

// wrap says which file an error is about.
func wrap(path string, err error) error {
	if err == nil {
		return nil
	}
	return &fault.Error{File: path, Err: err}
}
