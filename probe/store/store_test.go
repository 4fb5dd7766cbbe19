package store

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"memprobe/internal/half"
)

const (
	testRows  = 20*maxChunk + 7
	testBatch = 64
)

var testLayers = []Layer{{Name: "conv", Shape: []int{3, 2, 2}, Pool: "avg", Dim: 3},
	{Name: "fc", Shape: []int{5}, Pool: "avg", Dim: 5}}

func testKey(model string) Key {
	return Key{Model: model, Network: "trained", Images: []Part{{"sha256:00", testRows}}, Normalize: "none",
		Batch: []int{testBatch, 1, 2, 2}}
}

// value is column j of row i of a layer.
func value(layer, i, j int) float32 { return float32(layer) + float32(i)/7 + float32(j)/3 }

// computed are the rows of the test's layers; calls counts them.
func computed(calls *atomic.Int64) func(lo, hi int) ([][]float32, error) {
	return func(lo, hi int) ([][]float32, error) {
		calls.Add(int64(hi - lo))
		out := make([][]float32, len(testLayers))
		for l := range out {
			for i := lo; i < hi; i++ {
				for j := range testLayers[l].Dim {
					out[l] = append(out[l], value(l, i, j))
				}
			}
		}
		return out, nil
	}
}

func open(t *testing.T, dir string, o Options) *Store {
	t.Helper()
	if o.Note == nil {
		o.Note = func(text string) { t.Error(text) }
	}
	return New(dir, o)
}

func entry(t *testing.T, s *Store, model string) *Entry {
	t.Helper()
	e, err := s.Entry(t.Context(), testKey(model), "a test", testRows, maxChunk, testLayers)
	if err != nil || e == nil {
		t.Fatalf("entry %v: %v", e, err)
	}
	return e
}

// fill fills an entry and returns how many rows were computed.
func fill(t *testing.T, e *Entry, share Share) int {
	t.Helper()
	var calls atomic.Int64
	if err := e.Fill(t.Context(), nil, share, computed(&calls), nil); err != nil {
		t.Fatal(err)
	}
	return int(calls.Load())
}

// check compares all rows with what was computed.
func check(t *testing.T, e *Entry, round func(float32) float32) {
	t.Helper()
	for l := range testLayers {
		got, err := e.Features(l)
		if err != nil {
			t.Fatal(err)
		}
		dim := testLayers[l].Dim
		if len(got) != testRows*dim {
			t.Fatalf("layer %d has %d elements, want %d rows of %d", l, len(got), testRows, dim)
		}
		for i := range testRows {
			for j := range dim {
				if want := round(value(l, i, j)); got[i*dim+j] != want {
					t.Fatalf("layer %d, row %d, column %d is %v, want %v", l, i, j, got[i*dim+j], want)
				}
			}
		}
	}
}

func exact(v float32) float32 { return v }

func TestStored(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	e := entry(t, s, "m")
	if n := fill(t, e, Share{}); n != testRows {
		t.Errorf("%d rows computed of a new entry, want %d", n, testRows)
	}
	check(t, e, exact)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = entry(t, s, "m")
	defer e.Close()
	if n := fill(t, e, Share{}); n != 0 {
		t.Errorf("%d rows computed again", n)
	}
	check(t, e, exact)
	other := entry(t, s, "another")
	defer other.Close()
	if n := fill(t, other, Share{}); n != testRows {
		t.Errorf("%d rows computed for another model, want %d", n, testRows)
	}
}

func TestFloat16(t *testing.T) {
	dir := t.TempDir()
	e := entry(t, open(t, dir, Options{Type: Float16}), "m")
	defer e.Close()
	fill(t, e, Share{})
	check(t, e, func(v float32) float32 { return half.FromF16(half.ToF16(v)) })
	full := entry(t, open(t, dir, Options{}), "m")
	defer full.Close()
	if fill(t, full, Share{}) != testRows {
		t.Error("rounded rows pass for exact ones")
	}
}

func TestShares(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	total := 0
	for i := range 3 {
		e := entry(t, s, "m")
		total += fill(t, e, Share{2 - i, 3})
		e.Close()
	}
	e := entry(t, s, "m")
	defer e.Close()
	if again := fill(t, e, Share{}); total != testRows || again != 0 {
		t.Errorf("three shares computed %d rows and one more run %d, want %d and 0", total, again, testRows)
	}
	check(t, e, exact)
}

// A chunk of which any bit is wrong is computed again, as is a file whose header is.
func TestDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		at   func(l *file) int64
		want int
	}{
		"row":    {func(l *file) int64 { at, _ := l.where(3); return at + 5 }, maxChunk},
		"sum":    {func(l *file) int64 { return l.sums + 4*sumSize }, maxChunk},
		"header": {func(l *file) int64 { return 40 }, testRows},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir(), Options{})
			e := entry(t, s, "m")
			fill(t, e, Share{})
			l := e.files[1]
			b := make([]byte, 1)
			if _, err := l.f.ReadAt(b, c.at(l)); err != nil {
				t.Fatal(err)
			}
			b[0] ^= 4
			if _, err := l.f.WriteAt(b, c.at(l)); err != nil {
				t.Fatal(err)
			}
			e.Close()
			e = entry(t, s, "m")
			defer e.Close()
			if n := fill(t, e, Share{}); n != c.want {
				t.Errorf("%d rows computed again, want %d", n, c.want)
			}
			check(t, e, exact)
		})
	}
}

// A file that was cut off, or is of something else, is made anew.
func TestForeignFiles(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	e := entry(t, s, "m")
	fill(t, e, Share{})
	e.Close()
	paths, _ := filepath.Glob(filepath.Join(s.dir, "*", "*"+suffix))
	if len(paths) != 2 {
		t.Fatalf("files %v", paths)
	}
	if err := errors.Join(os.Truncate(paths[0], 9000), os.WriteFile(paths[1], []byte("{}\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	e = entry(t, s, "m")
	defer e.Close()
	if n := fill(t, e, Share{}); n != testRows {
		t.Errorf("%d rows computed again, want %d", n, testRows)
	}
	check(t, e, exact)
}

// A file in the place of another, of whatever entry or layer, is made anew, and is not where
// chunks are copied from: its checksums fit, but its features are others'.
func TestSwapped(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	dirs := map[string]string{}
	for _, model := range []string{"m", "other"} {
		e := entry(t, s, model)
		fill(t, e, Share{})
		dirs[model] = e.dir
		e.Close()
	}
	paths, _ := filepath.Glob(filepath.Join(dirs["other"], "*"+suffix))
	if len(paths) != 2 {
		t.Fatalf("files %v", paths)
	}
	conv, fc := filepath.Base(paths[0]), filepath.Base(paths[1])
	for name, c := range map[string][2]string{ // from and to
		"layer":     {filepath.Join(dirs["m"], conv), filepath.Join(dirs["m"], fc)},
		"narrower":  {filepath.Join(dirs["m"], fc), filepath.Join(dirs["m"], conv)},
		"network":   {filepath.Join(dirs["other"], conv), filepath.Join(dirs["m"], conv)},
		"elsewhere": {filepath.Join(dirs["other"], fc), filepath.Join(dirs["m"], fc)},
	} {
		b, err := os.ReadFile(c[0])
		if err == nil {
			err = os.WriteFile(c[1], b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		e := entry(t, s, "m")
		if n := fill(t, e, Share{}); n != testRows {
			t.Errorf("%s: %d rows computed again, want %d", name, n, testRows)
		}
		check(t, e, exact)
		e.Close()
	}
	if err := os.Rename(dirs["other"], filepath.Join(s.dir, strings.Repeat("0", 32))); err != nil {
		t.Fatal(err)
	}
	key := testKey("other")
	key.Images = append(key.Images, Part{"sha256:01", 5})
	e, err := s.Entry(t.Context(), key, "", testRows+5, maxChunk, testLayers)
	if err != nil || e == nil {
		t.Fatal(e, err)
	}
	defer e.Close()
	if n := fill(t, e, Share{}); n != testRows+5 {
		t.Errorf("beside an entry that was moved %d rows are computed, want %d", n, testRows+5)
	}
}

// Folders that are no entries stay, whatever is in them.
func TestForeignFolders(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	e := entry(t, s, "m")
	fill(t, e, Share{})
	e.Close()
	kept := filepath.Join(s.dir, "thesis", "chapter")
	if err := errors.Join(os.MkdirAll(filepath.Dir(kept), 0o755), os.WriteFile(kept, nil, 0o644),
		os.WriteFile(filepath.Join(s.dir, "thesis", "used"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	if gone, err := s.Prune(t.Context(), 0); err != nil || len(gone) != 1 {
		t.Errorf("%v removed, %v; want one entry", gone, err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
}

// Names that are no UTF-8 tell layers apart all the same.
func TestNamesOfBytes(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	layers := []Layer{{Name: "a\xff", Dim: 1}, {Name: "a\xfe", Dim: 1}}
	for _, want := range []int{2, 0} {
		e, err := s.Entry(t.Context(), testKey("m"), "a\xff", 2, maxChunk, layers)
		if err != nil || e == nil {
			t.Fatal(e, err)
		}
		rows := 0
		err = e.Fill(t.Context(), nil, Share{}, func(lo, hi int) ([][]float32, error) {
			rows += hi - lo
			return [][]float32{{1, 2}, {3, 4}}, nil
		}, nil)
		a, errA := e.Features(0)
		b, errB := e.Features(1)
		if err := errors.Join(err, errA, errB); err != nil || rows != want || a[0] != 1 || b[0] != 3 {
			t.Errorf("%d rows computed, want %d; features %v and %v, %v", rows, want, a, b, err)
		}
		e.Close()
	}
}

// Two at once agree, and hardly do the same work twice.
func TestTwoWriters(t *testing.T) {
	dir := t.TempDir()
	var calls atomic.Int64
	compute := computed(&calls)
	slow := func(lo, hi int) ([][]float32, error) {
		time.Sleep(2 * time.Millisecond)
		return compute(lo, hi)
	}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			e := entry(t, open(t, dir, Options{}), "m")
			defer e.Close()
			if err := e.Fill(t.Context(), nil, Share{}, slow, nil); err != nil {
				t.Error(err)
			}
			check(t, e, exact)
		})
	}
	both.Wait()
	if n := calls.Load(); n != testRows {
		t.Errorf("%d rows computed by both together, want %d", n, testRows)
	}
}

// TestKilled kills processes that fill a store, without warning, after some chunks: five a
// store. MEMPROBE_KILLS is how often in all.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("MEMPROBE_TEST_FILL"); dir != "" {
		var calls atomic.Int64
		compute := computed(&calls)
		err := entry(t, open(t, dir, Options{}), "m").Fill(t.Context(), nil, Share{}, func(lo, hi int) ([][]float32, error) {
			os.Stdout.WriteString("chunk\n")
			time.Sleep(10 * time.Millisecond) // so that the kill comes before the end
			return compute(lo, hi)
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	kills, err := strconv.Atoi(os.Getenv("MEMPROBE_KILLS"))
	if err != nil {
		kills = 5
	}
	for range (kills + 4) / 5 {
		killFive(t)
	}
}

func killFive(t *testing.T) {
	dir := t.TempDir()
	for i := range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "MEMPROBE_TEST_FILL="+dir)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() == "chunk"; i-- {
			if i == 0 {
				break
			}
		}
		cmd.Process.Kill()
		cmd.Wait()
	}
	e := entry(t, open(t, dir, Options{}), "m")
	defer e.Close()
	if n := fill(t, e, Share{}); n == 0 || n == testRows {
		t.Errorf("after five were killed %d of %d rows were missing, want some", n, testRows)
	}
	check(t, e, exact)
}

// A failure of compute, or an end of the context, keeps what was stored.
func TestInterrupted(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	e := entry(t, s, "m")
	var calls atomic.Int64
	compute := computed(&calls)
	ctx, stop := context.WithCancel(t.Context())
	err := e.Fill(ctx, nil, Share{}, func(lo, hi int) ([][]float32, error) {
		if lo >= testRows/2 {
			stop()
			return nil, ctx.Err()
		}
		return compute(lo, hi)
	}, nil)
	e.Close()
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	e = entry(t, s, "m")
	defer e.Close()
	if n := int(calls.Load()); n == 0 || fill(t, e, Share{}) != testRows-n {
		t.Errorf("after %d rows not exactly the rest was computed", n)
	}
	check(t, e, exact)
}

// What an interruption loses is no more than the chunk that was asked for, in whole batches.
func TestChunks(t *testing.T) {
	const broken = 5*testBatch + 1
	for wanted, chunk := range map[int]int{0: testBatch, 1: testBatch, testBatch: testBatch, testBatch + 1: 2 * testBatch,
		maxChunk: maxChunk, 1 << 40: maxChunk} {
		e, err := open(t, t.TempDir(), Options{}).Entry(t.Context(), testKey("m"), "", testRows, wanted, testLayers)
		if err != nil || e == nil {
			t.Fatalf("entry %v: %v", e, err)
		}
		var calls atomic.Int64
		compute := computed(&calls)
		e.Fill(t.Context(), nil, Share{}, func(lo, hi int) ([][]float32, error) {
			if hi > broken {
				return nil, errors.New("broken")
			}
			return compute(lo, hi)
		}, nil)
		if kept := int(calls.Load()); kept != broken/chunk*chunk {
			t.Errorf("asked for chunks of %d, %d rows of %d are kept, want chunks of %d", wanted, kept, broken, chunk)
		}
		if n := fill(t, e, Share{}); n != testRows-broken/chunk*chunk {
			t.Errorf("asked for chunks of %d, %d rows computed afterwards", wanted, n)
		}
		check(t, e, exact)
		e.Close()
	}
}

// Entries give way to others, those used least lately first, if they are not in use.
func TestLimit(t *testing.T) {
	var notes []string
	dir := t.TempDir()
	size := open(t, dir, Options{}).Size(testRows, testLayers)
	s := open(t, dir, Options{Limit: 2*size + size/2, Note: func(text string) { notes = append(notes, text) }})
	for i, name := range []string{"a", "b"} {
		e := entry(t, s, name)
		fill(t, e, Share{})
		when := time.Now().Add(time.Duration(i-5) * time.Hour)
		if err := errors.Join(os.Chtimes(filepath.Join(e.dir, "used"), when, when), e.Close()); err != nil {
			t.Fatal(err)
		}
	}
	b := entry(t, s, "b")
	defer b.Close()
	c := entry(t, s, "c")
	defer c.Close()
	list, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var models []string
	for _, i := range list {
		models = append(models, i.Key.Model)
	}
	slices.Sort(models)
	if !slices.Equal(models, []string{"b", "c"}) || len(notes) > 0 {
		t.Errorf("entries %v with notes %q, want b and c", models, notes)
	}
	if i := slices.IndexFunc(list, func(i Info) bool { return i.Key.Model == "b" }); list[i].Done != 1 ||
		list[i].Layers != 2 || list[i].Rows != testRows || !list[i].Busy {
		t.Errorf("entry b is %+v, want two layers of %d rows, done and busy", list[i], testRows)
	}
	if d, err := s.Entry(t.Context(), testKey("d"), "", testRows, maxChunk, testLayers); d != nil || err != nil ||
		len(notes) != 1 || !strings.Contains(notes[0], "in use") {
		t.Errorf("a third beside two in use: %v, %v, notes %q", d, err, notes)
	}
	check(t, b, exact)
	c.Close()
	gone, err := s.Prune(t.Context(), 0)
	names := []string{}
	for _, i := range gone {
		names = append(names, i.Key.Model)
	}
	if err != nil || slices.Contains(names, "b") || !slices.Contains(names, "c") {
		t.Errorf("pruned %v: %v, want c and not b, which is in use", names, err)
	}
}

// What an entry of the first images has is not computed for one of more, nor the reverse,
// but for the chunk in which the images end.
func TestCommonImages(t *testing.T) {
	const part = 10*maxChunk + 9
	short, long := testKey("m"), testKey("m")
	short.Images = []Part{{"a", part}}
	long.Images = []Part{{"a", part}, {"b", testRows - part}}
	for name, c := range map[string]struct {
		first, second Key
		rows          [2]int
		want          int
	}{
		"more":  {short, long, [2]int{part, testRows}, testRows - 10*maxChunk},
		"fewer": {long, short, [2]int{testRows, part}, 9},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir(), Options{})
			for i, key := range []Key{c.first, c.second} {
				e, err := s.Entry(t.Context(), key, "", c.rows[i], maxChunk, testLayers)
				if err != nil || e == nil {
					t.Fatal(e, err)
				}
				defer e.Close()
				n := fill(t, e, Share{})
				if i == 1 && n != c.want {
					t.Errorf("%d rows computed, want %d", n, c.want)
				}
				if got, err := e.Features(1); err != nil || got[len(got)-1] != value(1, c.rows[i]-1, 4) ||
					got[5*300] != value(1, 300, 0) {
					t.Errorf("wrong rows: %v", err)
				}
			}
		})
	}
}
