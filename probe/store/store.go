package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"memprobe/internal/filelock"
	"memprobe/internal/memory"
)

// DefaultLimit is the size that a store may have if nothing else is said.
const DefaultLimit = 10 << 30

// Key is what decides features, beside the layer.
type Key struct {
	Model     string `json:"model"`           // hash of graph and weights
	Network   string `json:"network"`         // "trained", or how its weights were drawn
	Images    []Part `json:"images"`          // one after the other
	Views     string `json:"views,omitempty"` // how they are augmented
	Normalize string `json:"normalize"`
	Batch     []int  `json:"batch"`            // shape of the network's input
	Arrays    string `json:"arrays,omitempty"` // that samples are made of, if they are no images
	Program   string `json:"program"`          // what computes: version and kernels
}

// Part is a stretch of images.
type Part struct {
	Hash string `json:"hash"`
	N    int    `json:"n"`
}

// Options say how a store is kept.
type Options struct {
	Limit int64 // bytes of all entries; 0: DefaultLimit
	Type  Type  // of new entries; "": Float32
	// Least is the work, in multiply-adds, below which features are not worth their
	// place: to compute them again costs no more than to read them.
	Least int64
	// Note, if not nil, is told in a line what was not stored, and why.
	Note func(text string)
}

// Store is a folder of entries. Any number of processes may use it at once.
type Store struct {
	Options
	dir             string
	found, computed atomic.Int64 // rows
}

// Rows returns how many rows of entries that were filled were there, and how many were
// computed.
func (s *Store) Rows() (found, computed int) {
	return int(s.found.Load()), int(s.computed.Load())
}

// DefaultDir is the store in the user's cache.
func DefaultDir() (string, error) {
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "memprobe", "features"), err
}

// New returns the store in a folder, which is made when something is stored.
func New(dir string, o Options) *Store {
	o.Limit, o.Type = cmp.Or(o.Limit, DefaultLimit), cmp.Or(o.Type, Float32)
	return &Store{Options: o, dir: dir}
}

// Size is what the features of n images take.
func (s *Store) Size(n int, layers []Layer) int64 {
	total := int64(0)
	for _, l := range layers {
		total += int64(n) * int64(l.Dim) * s.Type.size()
	}
	return total
}

func (s *Store) note(format string, args ...any) {
	if s.Note != nil {
		s.Note(fmt.Sprintf(format, args...))
	}
}

// hash names a value: the first digits of the SHA-256 of its JSON.
func hash(v any) (string, error) {
	b, err := json.Marshal(v)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), err
}

// lock keeps other processes from adding or removing entries.
func (s *Store) lock(ctx context.Context) (*filelock.Lock, error) {
	return filelock.Wait(ctx, filepath.Join(s.dir, ".lock"))
}

// Info describes an entry.
type Info struct {
	Name   string
	About  string
	Key    Key
	Type   Type
	Rows   int
	Layers int
	Done   float64 // share of the chunks that are there
	Size   int64   // bytes, when it is full
	Used   time.Time
	Busy   bool // in use
}

// entryName is that of an entry's folder, a hash. Other folders are none of the store's,
// whatever they hold: nothing in them is to be removed.
var entryName = regexp.MustCompile(`^[0-9a-f]{32}$`)

// entries are the names of the entries' folders.
func (s *Store) entries() ([]string, error) {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range files {
		if !d.IsDir() || !entryName.MatchString(d.Name()) {
			continue
		}
		if _, err := os.Stat(filepath.Join(s.dir, d.Name(), "used")); err == nil {
			names = append(names, d.Name())
		}
	}
	return names, nil
}

// List describes the entries, those used last first. What is no entry is left out.
func (s *Store) List(ctx context.Context) ([]Info, error) {
	if _, err := os.Stat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	l, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer l.Unlock()
	return s.list()
}

func (s *Store) list() ([]Info, error) {
	names, err := s.entries()
	if err != nil {
		return nil, err
	}
	var out []Info
	for _, name := range names {
		used, err := os.Stat(filepath.Join(s.dir, name, "used"))
		if err != nil {
			continue // removed meanwhile
		}
		i := Info{Name: name, Used: used.ModTime()}
		if err := i.read(filepath.Join(s.dir, name)); err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	slices.SortStableFunc(out, func(a, b Info) int { return b.Used.Compare(a.Used) })
	return out, nil
}

// read fills in what an entry's files say. Files that are damaged count by their size.
func (i *Info) read(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	have, all := 0, 0
	for _, d := range files {
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // removed meanwhile
		}
		i.Size += info.Size()
		if filepath.Ext(d.Name()) != suffix {
			continue
		}
		l, err := openFile(filepath.Join(dir, d.Name()))
		if err != nil {
			continue
		}
		i.Layers++
		i.About, i.Key, i.Type, i.Rows = l.About, l.Key, l.Type, l.Rows
		for c := range l.chunks() {
			all++
			if l.marked(c) {
				have++
			}
		}
		l.f.Close()
	}
	if all > 0 {
		i.Done = float64(have) / float64(all)
	}
	lock, err := filelock.TryLock(filepath.Join(dir, "used"))
	if i.Busy = err == nil && lock == nil; lock != nil {
		lock.Unlock()
	}
	return nil
}

// Prune removes entries that are not in use, those used least lately first, until all
// together have at most that many bytes. It returns what it removed.
func (s *Store) Prune(ctx context.Context, limit int64) ([]Info, error) {
	if _, err := os.Stat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	l, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer l.Unlock()
	return s.prune(limit)
}

func (s *Store) prune(limit int64) (gone []Info, err error) {
	all, err := s.list()
	if err != nil {
		return nil, err
	}
	total := int64(0)
	for _, i := range all {
		total += i.Size
	}
	for _, i := range slices.Backward(all) {
		if total <= limit {
			break
		}
		dir := filepath.Join(s.dir, i.Name)
		lock, err := filelock.TryLock(filepath.Join(dir, "used"))
		if err != nil {
			return gone, err
		}
		if lock == nil {
			continue // in use
		}
		if err := errors.Join(os.RemoveAll(dir), lock.Unlock()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return gone, err
		}
		total -= i.Size
		gone = append(gone, i)
	}
	return gone, nil
}

// makeRoom removes what need be for so many more bytes. It reports whether they fit.
func (s *Store) makeRoom(bytes int64) (bool, error) {
	if bytes > s.Limit {
		s.note("features of %s are not stored: the store holds %s (--store-limit)",
			memory.String(bytes), memory.String(s.Limit))
		return false, nil
	}
	if _, err := s.prune(s.Limit - bytes); err != nil {
		return false, err
	}
	all, err := s.list()
	held := int64(0)
	for _, i := range all {
		held += i.Size
	}
	if held+bytes > s.Limit {
		s.note("features of %s are not stored: %s of the store's %s (--store-limit) are in use",
			memory.String(bytes), memory.String(held), memory.String(s.Limit))
		return false, err
	}
	return true, err
}
