package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"sync"

	"github.com/parquet-go/parquet-go"

	"memprobe/internal/infile"
)

// shard is one parquet file of images, or arrays, and labels. Its pages are read one after
// another and kept until pageCache bytes are: decoding goes through the rows in
// order, on several goroutines at once.
type shard struct {
	path      string
	file      shardFile
	parquet   *parquet.File
	image     int      // column
	arrays    []ragged // in the place of images
	labels    []int
	texts     []string // of the labels, where they are no numbers
	labelName string
	groups    []int // the first row of each row group

	mu     sync.Mutex
	group  int // of pages
	pages  parquet.Pages
	next   int // the row that pages go on with
	cache  []*imagePage
	cached int // bytes
}

// shardFile is where a shard is stored.
type shardFile interface {
	io.ReaderAt
	io.Closer
}

// imagePage is a run of rows.
type imagePage struct {
	first, size int
	rows        [][]byte
}

// What one file may claim. The parquet module trusts its input, so that all of
// this is checked before it sees it.
const (
	maxFooter     = 16 << 20
	maxPageHead   = 1 << 20
	maxPageValues = 1 << 24
	pageCache     = 64 << 20
)

func openShard(path string, inputs []Array) (*shard, error) {
	f, size, err := infile.Open(path)
	if err != nil {
		return nil, err
	}
	s := &shard{path: path, file: f}
	if err := s.open(size, inputs); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func (s *shard) close() error {
	if s.pages != nil {
		s.pages.Close()
	}
	return s.file.Close()
}

// open reads the metadata and the labels of a file of the given size.
func (s *shard) open(size int64, inputs []Array) (err error) {
	defer corrupt(&err)
	if err := checkFooter(s.file, size); err != nil {
		return err
	}
	if s.parquet, err = parquet.OpenFile(s.file, size, parquet.SkipPageIndex(true),
		parquet.SkipBloomFilters(true)); err != nil {
		return err
	}
	all := leaves(s.parquet.Schema())
	image, arrays, label, err := columns(all, classNames(s.parquet), inputs)
	if err != nil {
		return err
	}
	read := append([]int{label}, arrays...)
	if arrays == nil {
		read = append(read, image)
	}
	for _, column := range arrays {
		s.arrays = append(s.arrays, newRagged(all[column], s.parquet.Schema()))
	}
	s.image, s.labelName = image, s.parquet.Schema().Columns()[label][0]
	for g, group := range s.parquet.RowGroups() {
		s.groups = append(s.groups, len(s.labels))
		for _, column := range read {
			if err := s.checkPages(g, column, size); err != nil {
				return fmt.Errorf("row group %d: %w", g, err)
			}
		}
		if err := s.readLabels(group.ColumnChunks()[label]); err != nil {
			return err
		}
		if got := len(s.labels) - s.groups[g]; int64(got) != group.NumRows() {
			return fmt.Errorf("row group %d: %d labels for %d rows", g, got, group.NumRows())
		}
		for i, column := range arrays {
			if err := s.arrays[i].read(group.ColumnChunks()[column]); err != nil {
				return fmt.Errorf("row group %d: %s: %w", g, s.arrays[i].name, err)
			}
			if got := len(s.arrays[i].ends); got != len(s.labels) {
				return fmt.Errorf("row group %d: %d rows of %s for %d labels", g, got, s.arrays[i].name, len(s.labels))
			}
		}
	}
	return nil
}

// corrupt makes an error of a panic in the parquet module.
func corrupt(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("corrupt: %v", p)
	}
}

// checkFooter looks at a file's end: its metadata, their length in 4 bytes, and
// "PAR1".
func checkFooter(f io.ReaderAt, size int64) error {
	var head [4]byte
	var tail [8]byte
	if size < 12 {
		return fmt.Errorf("%d bytes are no parquet file", size)
	}
	_, err1 := f.ReadAt(head[:], 0)
	_, err2 := f.ReadAt(tail[:], size-8)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if string(head[:]) != "PAR1" {
		return errors.New("no parquet file: does not start with PAR1")
	}
	if string(tail[4:]) != "PAR1" {
		return errors.New("truncated: does not end with PAR1")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > min(size-12, maxFooter) {
		return fmt.Errorf("metadata of %d bytes in a file of %d", n, size)
	}
	footer := make([]byte, n)
	if _, err := f.ReadAt(footer, size-8-n); err != nil {
		return err
	}
	if end, err := checkThrift(footer, nil); err != nil || int64(end) != n {
		return errors.New("its metadata are damaged")
	}
	return nil
}

// leaves lists the columns of values.
func leaves(schema *parquet.Schema) []leaf {
	var out []leaf
	for _, path := range schema.Columns() {
		l := leaf{path: path}
		if c, ok := schema.Lookup(path...); ok {
			kind := c.Node.Type().Kind()
			integer := kind == parquet.Int32 || kind == parquet.Int64
			l.list = c.MaxRepetitionLevel == 1
			l.number = c.MaxRepetitionLevel <= 1 &&
				(integer || kind == parquet.Boolean || kind == parquet.Float || kind == parquet.Double)
			if c.MaxRepetitionLevel == 0 {
				l.bytes, l.integer = kind == parquet.ByteArray, integer
			}
		}
		out = append(out, l)
	}
	return out
}

// checkPages walks the heads of a column's pages: each must lie in the file and
// claim no more than it can hold.
func (s *shard) checkPages(group, column int, size int64) error {
	groups := s.parquet.Metadata().RowGroups
	if column >= len(groups[group].Columns) {
		return errors.New("lacks a column")
	}
	m := groups[group].Columns[column].MetaData
	at, end := m.DataPageOffset, m.TotalCompressedSize
	if d := m.DictionaryPageOffset; d > 0 && d < at {
		at = d
	}
	if at < 4 || end < 0 || end > size-at {
		return fmt.Errorf("column %d: %d bytes from %d on, in a file of %d", column, end, at, size)
	}
	for end += at; at < end; {
		p, err := readPageHead(s.file, at, end)
		switch {
		case err != nil:
			return fmt.Errorf("column %d: the page at byte %d: %w", column, at, err)
		case p.stored < 0 || p.stored > end-at-p.head:
			return fmt.Errorf("column %d: a page of %d bytes, %d are left", column, p.stored, end-at-p.head)
		case p.full < 0 || p.full > maxPixels && p.full/maxRatio > p.stored || p.values < 0 || p.values > maxPageValues:
			return fmt.Errorf("column %d: a page of %d bytes claims %d bytes and %d values", column, p.stored, p.full, p.values)
		}
		at += p.head + p.stored
	}
	return nil
}

// pageHead is what a page says of itself.
type pageHead struct {
	head, stored, full int64 // bytes: of the head, and of the page compressed and not
	values             int64
}

// readPageHead reads the head of the page at byte at; its column ends at end.
func readPageHead(f io.ReaderAt, at, end int64) (p pageHead, err error) {
	for _, size := range []int64{4 << 10, maxPageHead} { // statistics may make it long
		buf := make([]byte, min(end-at, size))
		if _, err := f.ReadAt(buf, at); err != nil {
			return p, err
		}
		p = pageHead{}
		n, bad := checkThrift(buf, func(outer, field int, v int64) {
			switch {
			case outer == 0 && field == 2:
				p.full = v
			case outer == 0 && field == 3:
				p.stored = v
			case field == 1 && (outer == 5 || outer == 7 || outer == 8): // data, dictionary, data 2
				p.values = v
			}
		})
		if p.head, err = int64(n), bad; err == nil {
			return p, nil
		}
	}
	return p, err
}

// readLabels appends the labels of a row group.
func (s *shard) readLabels(chunk parquet.ColumnChunk) error {
	return eachPage(chunk, func(page parquet.Page) error {
		return eachValue(page, func(v parquet.Value) error {
			if v.IsNull() {
				return fmt.Errorf("record %d: no label", len(s.labels))
			}
			if v.Kind() == parquet.ByteArray {
				s.labels, s.texts = append(s.labels, 0), append(s.texts, string(v.ByteArray()))
				return nil
			}
			y := v.Int64()
			if v.Kind() == parquet.Int32 {
				y = int64(v.Int32())
			}
			if y < -1 || y > maxClasses {
				return fmt.Errorf("record %d: label %d, want 0 to %d", len(s.labels), y, maxClasses)
			}
			s.labels = append(s.labels, int(y))
			return nil
		})
	})
}

// eachPage calls f for the pages of a column in a row group.
func eachPage(chunk parquet.ColumnChunk, f func(parquet.Page) error) error {
	pages := chunk.Pages()
	defer pages.Close()
	for {
		page, err := pages.ReadPage()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		err = f(page)
		parquet.Release(page)
		if err != nil {
			return err
		}
	}
}

// eachValue calls f for the values of a page.
func eachValue(page parquet.Page, f func(parquet.Value) error) error {
	r, buf := page.Values(), make([]parquet.Value, 256)
	for {
		n, err := r.ReadValues(buf)
		for _, v := range buf[:n] {
			if err := f(v); err != nil {
				return err
			}
		}
		if err == io.EOF || err == nil && n == 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// row is the file of the picture in row i. It is safe for concurrent use.
func (s *shard) row(i int) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.cache {
		if p.first <= i && i < p.first+len(p.rows) {
			return p.row(i)
		}
	}
	p, err := s.seek(i)
	if err != nil {
		return nil, err
	}
	s.cache, s.cached = append(s.cache, p), s.cached+p.size
	for s.cached > pageCache && len(s.cache) > 2 {
		s.cached -= s.cache[0].size
		s.cache = slices.Delete(s.cache, 0, 1)
	}
	return p.row(i)
}

func (p *imagePage) row(i int) ([]byte, error) {
	if data := p.rows[i-p.first]; data != nil {
		return data, nil
	}
	return nil, errors.New("no bytes: the image is not in the file")
}

// seek reads on to the page that has row i, from the start of its row group if
// that is behind.
func (s *shard) seek(i int) (p *imagePage, err error) {
	defer corrupt(&err)
	g := sort.SearchInts(s.groups, i+1) - 1
	if s.pages == nil || s.group != g || s.next > i {
		if s.pages != nil {
			s.pages.Close()
		}
		s.pages, s.group, s.next = s.parquet.RowGroups()[g].ColumnChunks()[s.image].Pages(), g, s.groups[g]
	}
	for {
		page, err := s.pages.ReadPage()
		if err == io.EOF {
			return nil, errors.New("fewer images than rows")
		}
		if err != nil {
			return nil, err
		}
		p := &imagePage{first: s.next}
		s.next += int(page.NumValues())
		if s.next > i {
			err = eachValue(page, func(v parquet.Value) error {
				var data []byte
				if !v.IsNull() {
					data = append([]byte{}, v.ByteArray()...)
				}
				p.rows, p.size = append(p.rows, data), p.size+len(data)
				return nil
			})
		}
		parquet.Release(page)
		if err != nil {
			return nil, err
		}
		if i < p.first+len(p.rows) {
			return p, nil
		}
		if s.next > i {
			return nil, errors.New("a page has fewer values than it says")
		}
	}
}
