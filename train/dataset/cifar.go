package dataset

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"memprobe/internal/fault"
	"memprobe/internal/infile"
	"memprobe/internal/memory"
)

var cifarFormats = []format{
	{name: "cifar10", title: "CIFAR-10, 50,000 + 10,000 RGB 32x32, binary or Python batches",
		path: "DIR|FILE.tar.gz", load: cifar10().load, places: cifar10().places()},
	{name: "cifar100", title: "CIFAR-100, 50,000 + 10,000 RGB 32x32, binary or Python batches",
		path: "DIR|FILE.tar.gz", load: cifar100().load, places: cifar100().places()},
}

// cifar is one of the two sets of Krizhevsky (2009), as published: batches in
// binary, a record being labels (one byte; CIFAR-100 has the superclass before
// it) and 3,072 bytes of planes R, G, B, 32x32 each; or the same as pickled
// dictionaries of Python.
type cifar struct {
	classes  []string
	head     int // bytes of labels in a binary record; the last is the class
	batch    int // records in a training batch
	train    []string
	test     string
	label    string   // key of the labels in a pickle
	folders  []string // that the archives unpack to: binary, Python
	archives []string
}

const cifarPixels = 3 * 32 * 32

func cifar10() cifar {
	return cifar{
		classes: []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
		head:    1, batch: 10_000,
		train:    []string{"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"},
		test:     "test_batch",
		label:    "labels",
		folders:  []string{"cifar-10-batches-bin", "cifar-10-batches-py"},
		archives: []string{"cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"},
	}
}

func cifar100() cifar {
	return cifar{
		classes: cifar100Names(),
		head:    2, batch: 50_000,
		train:    []string{"train"},
		test:     "test",
		label:    "fine_labels",
		folders:  []string{"cifar-100-binary", "cifar-100-python"},
		archives: []string{"cifar-100-binary.tar.gz", "cifar-100-python.tar.gz"},
	}
}

// places are where the set may be under a root.
func (c cifar) places() []string { return slices.Concat(c.folders, c.archives) }

// load reads a folder of batches, an archive of them, or a folder that has one
// of these.
func (c cifar) load(l *loader, at string) (*content, error) {
	f, err := c.find(l, at)
	if err != nil {
		return nil, err
	}
	out := &content{classes: c.classes}
	missing := 0
	for _, name := range c.train {
		if !f.has(name) {
			missing++
			continue
		}
		if err := c.read(f, name, &out.train); err != nil {
			return nil, err
		}
	}
	if missing > 0 {
		l.note("%d of %d training batches in %s", len(c.train)-missing, len(c.train), f.path)
	}
	if !f.has(c.test) {
		return nil, fault.Errorf(f.path, "no %s", c.test+f.suffix)
	}
	return out, c.read(f, c.test, &out.test)
}

// batches is a folder or an archive that holds batches.
type batches struct {
	path   string
	suffix string // of binary batches
	files  map[string]func() ([]byte, error)
}

func (b *batches) has(name string) bool { return b.files[name+b.suffix] != nil }

// find looks for batches at a path and in the places where the archives unpack.
func (c cifar) find(l *loader, at string) (*batches, error) {
	info, err := os.Stat(at)
	if err != nil {
		return nil, wrap(at, plain(err))
	}
	if !info.IsDir() {
		return c.archive(l, at)
	}
	for _, dir := range append([]string{"."}, c.folders...) {
		if b := c.folder(l, filepath.Join(at, dir)); b != nil {
			return b, nil
		}
	}
	for _, name := range c.archives {
		if file := filepath.Join(at, name); exists(file) {
			return c.archive(l, file)
		}
	}
	return nil, fault.Errorf(at, "no batch of CIFAR: neither %s.bin nor %s, nor one of %q",
		c.train[0], c.train[0], c.archives)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// folder finds the batches of a folder, binary ones first.
func (c cifar) folder(l *loader, dir string) *batches {
	for _, suffix := range []string{".bin", ""} {
		b := &batches{path: dir, suffix: suffix, files: map[string]func() ([]byte, error){}}
		for _, name := range append([]string{c.test}, c.train...) {
			file := filepath.Join(dir, name+suffix)
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				b.files[name+suffix] = func() ([]byte, error) { return l.file(file) }
			}
		}
		if slices.ContainsFunc(c.train, b.has) {
			return b
		}
	}
	return nil
}

// file returns the content of a file.
func (l *loader) file(path string) ([]byte, error) {
	f, size, err := infile.Open(path)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	if size == 0 {
		return nil, nil
	}
	return l.bytes(f, size)
}

// archive reads the batches of a .tar.gz.
func (c cifar) archive(l *loader, file string) (*batches, error) {
	f, _, err := infile.Open(file)
	if err != nil {
		return nil, wrap(file, plain(err))
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return nil, wrap(file, err)
	}
	b := &batches{path: file, files: map[string]func() ([]byte, error){}}
	names := append([]string{c.test}, c.train...)
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, wrap(file, archiveError(err))
		}
		if err := l.ctx.Err(); err != nil {
			return nil, err
		}
		name := path.Base(h.Name)
		binary := slices.Contains(names, trimBin(name))
		if h.Typeflag != tar.TypeReg || !binary {
			continue
		}
		data, err := memory.ReadAll("what it unpacks to", io.LimitReader(t, maxBatch+1), nil)
		if err != nil {
			return nil, wrap(file+": "+h.Name, archiveError(err))
		}
		if trimBin(name) != name {
			b.suffix = ".bin"
		}
		b.files[name] = func() ([]byte, error) { return data, nil }
	}
	if _, err := io.Copy(io.Discard, z); err != nil { // to the checksum
		return nil, wrap(file, archiveError(err))
	}
	if !slices.ContainsFunc(c.train, b.has) {
		return nil, fault.Errorf(file, "no batch of CIFAR: neither %s.bin nor %s", c.train[0], c.train[0])
	}
	return b, nil
}

// maxBatch bounds a file of an archive: the largest published one has 154 MB.
const maxBatch = 512 << 20

func archiveError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	return err
}

func trimBin(name string) string {
	if path.Ext(name) == ".bin" {
		return name[:len(name)-len(".bin")]
	}
	return name
}

// read appends a batch to a split.
func (c cifar) read(b *batches, name string, s *source) error {
	file := filepath.Join(b.path, name+b.suffix)
	data, err := b.files[name+b.suffix]()
	if err != nil {
		return wrap(file, err)
	}
	before := len(s.labels)
	if b.suffix == ".bin" {
		err = c.records(data, s)
	} else {
		err = c.pickled(data, s)
	}
	if err != nil {
		return wrap(file, err)
	}
	s.c, s.h, s.w = 3, 32, 32
	earlier := s.where
	s.where = func(i int) (string, int) {
		if i < before {
			return earlier(i)
		}
		return file, i - before
	}
	return nil
}

// records reads a binary batch.
func (c cifar) records(data []byte, s *source) error {
	size := c.head + cifarPixels
	n := len(data) / size
	switch {
	case len(data) == 0:
		return errors.New("empty")
	case len(data)%size != 0:
		return fmt.Errorf("truncated or not a binary batch: record %d has %d bytes, want %d", n, len(data)%size, size)
	case n > c.batch:
		return fmt.Errorf("%d records, want at most %d", n, c.batch)
	}
	for ; len(data) > 0; data = data[size:] {
		s.labels = append(s.labels, int(data[c.head-1]))
		s.pixels = append(s.pixels, data[c.head:size:size])
	}
	return nil
}

// pickled reads a batch that Python wrote: a dictionary with data, uint8
// [N,3072], and labels.
func (c cifar) pickled(data []byte, s *source) error {
	v, err := unpickle(data)
	if err != nil {
		return err
	}
	d, ok := v.(pyDict)
	if !ok {
		return fmt.Errorf("pickle of %T, want a dictionary with data and %s", v, c.label)
	}
	a, ok := d["data"].(*pyArray)
	if !ok || a.dtype == nil || a.dtype.kind != 'u' || a.dtype.size != 1 {
		return errors.New("its data are no array of uint8")
	}
	n := a.shape
	if !(len(n) == 2 && n[1] == cifarPixels || len(n) == 4 && n[1] == 3 && n[2] == 32 && n[3] == 32) {
		return fmt.Errorf("its data have shape %v, want [N 3072]", n)
	}
	labels, err := pickledLabels(d[c.label])
	if err != nil {
		return fmt.Errorf("%s: %w", c.label, err)
	}
	if len(labels) != n[0] {
		return fmt.Errorf("%d %s for %d images", len(labels), c.label, n[0])
	}
	s.labels = append(s.labels, labels...)
	for i := range n[0] {
		s.pixels = append(s.pixels, a.data[i*cifarPixels:(i+1)*cifarPixels:(i+1)*cifarPixels])
	}
	return nil
}

// pickledLabels takes a list of integers or an array of them.
func pickledLabels(v any) ([]int, error) {
	var items []any
	switch v := v.(type) {
	case *pyList:
		items = v.items
	case *pyArray:
		for _, n := range v.ints() {
			items = append(items, n)
		}
	default:
		return nil, errors.New("missing, or no list")
	}
	labels := make([]int, len(items))
	for i, item := range items {
		var ok bool
		if labels[i], ok = asInt(item); !ok {
			return nil, fmt.Errorf("record %d: %v is no label", i, item)
		}
	}
	return labels, nil
}
