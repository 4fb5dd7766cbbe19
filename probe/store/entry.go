package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"memprobe/internal/filelock"
	"memprobe/internal/memory"
	"memprobe/internal/parallel"
)

const (
	suffix   = ".features"
	maxChunk = 256 // rows, where a batch has no more
	locks    = 64  // files that chunks are locked through, by their numbers modulo this
)

// Entry is the features of one network on one sequence of images, open.
type Entry struct {
	spec
	store *Store
	dir   string
	files []*file // of the layers
	used  *filelock.Lock
	maps  []func() error
	// spill are rows that could not be stored, by chunk and layer.
	spill map[int][][]float32
}

// Entry opens the entry of a key for n images and some layers, or makes it. A chunk, which
// is what an interruption loses, has about the given number of rows: whole batches, and not
// many more than 256 rows. about says for people what the entry is. It returns nil where
// the store cannot take it, and tells Note why.
func (s *Store) Entry(ctx context.Context, key Key, about string, n, chunk int, layers []Layer) (*Entry, error) {
	key.Arrays, layers = plain(key.Arrays), slices.Clone(layers)
	for i := range layers {
		layers[i].Name = plain(layers[i].Name)
	}
	batch := key.Batch[0]
	chunk = (max(1, min(chunk, maxChunk)) + batch - 1) / batch * batch
	e := &Entry{store: s, spill: map[int][][]float32{},
		spec: spec{Key: key, Rows: n, Chunk: chunk, Type: s.Type, Order: byteOrder()}}
	name, err := hash(e.spec)
	if err != nil {
		return nil, err
	}
	e.dir = filepath.Join(s.dir, name)
	lock, err := s.lock(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.note("features are not stored: %v", err)
		}
		return nil, ctx.Err()
	}
	defer lock.Unlock()
	if err := e.open(about, layers); err != nil {
		s.note("features are not stored: %v", err)
	}
	if e.files == nil {
		return nil, e.Close()
	}
	return e, nil
}

// plain is a text of its own that JSON keeps as it is: names in models need not be UTF-8.
func plain(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strconv.QuoteToASCII(s)
}

// open opens the files of the layers, or makes them if there is room.
func (e *Entry) open(about string, layers []Layer) error {
	if err := os.MkdirAll(e.dir, 0o755); err != nil {
		return err
	}
	var err error
	used := filepath.Join(e.dir, "used")
	if e.used, err = filelock.TryShare(used); e.used == nil {
		return cmp.Or(err, fmt.Errorf("%s is locked", used))
	}
	now := time.Now()
	if err := os.Chtimes(used, now, now); err != nil && !filelock.ReadOnly(err) {
		return err
	}
	files, need := make([]*file, len(layers)), int64(0)
	paths := make([]string, len(layers))
	for i, l := range layers {
		name, err := hash(l)
		if err != nil {
			return err
		}
		paths[i] = filepath.Join(e.dir, name+suffix)
		if files[i], err = openFile(paths[i]); err != nil { // not there, or damaged
			need += e.store.Size(e.Rows, layers[i:i+1])
		}
	}
	if need > 0 {
		if ok, err := e.store.makeRoom(need); err != nil || !ok {
			closeFiles(files)
			return err
		}
	}
	for i, l := range layers {
		if files[i] != nil {
			continue
		}
		if files[i], err = createFile(paths[i], header{Format: format, About: about, spec: e.spec, Layer: l}); err != nil {
			closeFiles(files)
			return err
		}
	}
	e.files = files
	return nil
}

// Release closes the files, and ends the use of the rows that the entry has shown. The
// entry stays in use: it is not removed.
func (e *Entry) Release() error {
	var errs []error
	for _, release := range e.maps {
		errs = append(errs, release())
	}
	closeFiles(e.files)
	e.maps, e.files = nil, nil
	return errors.Join(errs...)
}

// Close is Release, after which the entry may be removed.
func (e *Entry) Close() error {
	err := e.Release()
	if e.used != nil {
		err = errors.Join(err, e.used.Unlock())
		e.used = nil
	}
	return err
}

func closeFiles(files []*file) {
	for _, l := range files {
		if l != nil {
			l.f.Close()
		}
	}
}

// has tells whether a chunk is there for all layers.
func (e *Entry) has(chunk int) bool {
	if e.spill[chunk] != nil {
		return true
	}
	for _, l := range e.files {
		if !l.has(chunk) {
			return false
		}
	}
	return true
}

// Share is part Index of Of about equal ones; the zero value is all.
type Share struct{ Index, Of int }

// cut is the share's part of so many chunks.
func (s Share) cut(chunks int) (lo, hi int) {
	of := max(s.Of, 1)
	return chunks * s.Index / of, chunks * (s.Index + 1) / of
}

// Fill has the rows computed that are missing of a share of the chunks. compute returns
// the rows lo to hi of each layer, which it may overwrite in its next call. Chunks that
// another process computes are waited for. done, if not nil, is told how many rows are
// there. What cannot be stored is kept in memory.
func (e *Entry) Fill(ctx context.Context, pool *parallel.Pool, share Share,
	compute func(lo, hi int) ([][]float32, error), done func(rows int)) error {
	first, last := share.cut(e.chunks())
	missing := e.missing(pool, first, last)
	if len(missing) > 0 {
		e.adopt(missing)
		missing = e.missing(pool, first, last)
	}
	rows := 0
	if last > first {
		lo, _ := e.span(first)
		_, hi := e.span(last - 1)
		rows = hi - lo
	}
	for _, c := range missing {
		lo, hi := e.span(c)
		rows -= hi - lo
	}
	e.store.found.Add(int64(rows))
	for len(missing) > 0 {
		var busy []int
		for _, c := range missing {
			finished, err := e.fillChunk(c, compute)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			if !finished {
				busy = append(busy, c)
				continue
			}
			lo, hi := e.span(c)
			if rows += hi - lo; done != nil {
				done(rows)
			}
		}
		if len(busy) == len(missing) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
		missing = busy
	}
	return nil
}

// missing are the chunks first to last that are not there.
func (e *Entry) missing(pool *parallel.Pool, first, last int) []int {
	there := make([]bool, last-first)
	pool.For(len(there), func(_, i int) { there[i] = e.has(first + i) })
	var missing []int
	for i, ok := range there {
		if !ok {
			missing = append(missing, first+i)
		}
	}
	return missing
}

// fillChunk computes a chunk, unless it is there or another process does.
func (e *Entry) fillChunk(c int, compute func(lo, hi int) ([][]float32, error)) (finished bool, err error) {
	lock, err := filelock.TryLock(filepath.Join(e.dir, "locks", fmt.Sprint(c%locks)))
	if err == nil && lock == nil {
		return e.has(c), nil
	}
	if lock != nil { // without locks, work may be done twice
		defer lock.Unlock()
	}
	if e.has(c) {
		return true, nil
	}
	lo, hi := e.span(c)
	rows, err := compute(lo, hi)
	if err != nil {
		return false, err
	}
	e.store.computed.Add(int64(hi - lo))
	return true, e.put(c, rows)
}

// put stores a chunk, or keeps it in memory.
func (e *Entry) put(c int, rows [][]float32) error {
	var failed error
	for i, l := range e.files {
		if !l.has(c) && failed == nil {
			failed = l.write(c, rows[i])
		}
	}
	if failed == nil {
		return nil
	}
	if len(e.spill) == 0 {
		e.store.note("features are kept in memory alone: %v", failed)
	}
	kept := make([][]float32, len(rows))
	for i, r := range rows {
		if err := memory.Need(fmt.Sprintf("what could not be stored (%v)", failed), 4*int64(len(r))); err != nil {
			return err
		}
		kept[i] = make([]float32, len(r))
		decode(e.Type, kept[i], encode(e.Type, r))
	}
	e.spill[c] = kept
	return nil
}

// Features shows all rows of a layer, by its place among those that the entry was opened
// with, once the entry is filled. They must not be written to, nor used after Close.
func (e *Entry) Features(layer int) ([]float32, error) {
	l := e.files[layer]
	if len(e.spill) == 0 {
		data, release, err := l.rows()
		if err == nil {
			e.maps = append(e.maps, release)
		}
		return data, err
	}
	dim := l.Layer.Dim
	if err := memory.Need(fmt.Sprintf("the features of layer %q", l.Layer.Name), 4*int64(e.Rows)*int64(dim)); err != nil {
		return nil, err
	}
	data := make([]float32, e.Rows*dim)
	for c := range e.chunks() {
		lo, hi := e.span(c)
		if kept := e.spill[c]; kept != nil {
			copy(data[lo*dim:hi*dim], kept[layer])
		} else if err := l.read(data[lo*dim:hi*dim], c); err != nil {
			return nil, err
		}
	}
	return data, nil
}
