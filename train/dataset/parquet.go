package dataset

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"memprobe/internal/fault"
)

var parquetFormats = []format{
	{name: "parquet", title: "Hugging Face's layout: train-*.parquet, test-* or validation-*, of images and labels",
		path: "DIR", load: (*loader).parquet},
}

// parquet reads a folder in the layout in which Hugging Face publishes sets of
// images: train-00000-of-00002.parquet and so on, test-* or validation-*, in the
// folder itself, in its data, or in one folder a configuration. A row has an
// image, a struct of bytes and path, and a label: an integer, or text. In the place of the
// image it may have lists of numbers, which are arrays.
func (l *loader) parquet(at string) (*content, error) {
	dir, train, err := parquetFolder(at)
	if err != nil {
		return nil, err
	}
	c := &content{}
	set, err := l.shards(train)
	if err != nil {
		return nil, err
	}
	c.train, c.classes = set.source(), set.classes()
	tested := ""
	var other *shards
	for _, split := range []string{"test", "validation", "valid", "val"} {
		files, err := parquetFiles(dir, split)
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			continue
		}
		if tested != "" {
			l.note("%s is left out: the test images are those of %s", files[0], tested)
			continue
		}
		test, err := l.shards(files)
		if err != nil {
			return nil, err
		}
		if test.unlabelled() {
			l.note("%s has no labels and is left out", files[0])
			continue
		}
		c.test, tested, other = test.source(), files[0], test
	}
	if tested == "" {
		l.note("no test split in %s", dir)
	}
	if err := l.joinArrays(set, other, c); err != nil {
		return nil, err
	}
	if texts, err := textClasses(at, &c.train, &c.test); err != nil || texts != nil {
		c.classes = texts
		return c, err
	}
	if c.classes == nil {
		c.classes = numbered(1 + maxLabel(&c.train, &c.test))
	}
	return c, nil
}

// parquetFolder finds the folder that has the training files.
func parquetFolder(at string) (dir string, train []string, err error) {
	entries, err := os.ReadDir(at)
	if err != nil {
		return "", nil, fault.Wrap(at, err)
	}
	dirs := []string{at, filepath.Join(at, "data")}
	for _, e := range entries {
		if e.Name() != "data" && e.Name() != "train" && e.IsDir() {
			dirs = append(dirs, filepath.Join(at, e.Name()))
		}
	}
	for i, d := range dirs {
		train, err := parquetFiles(d, "train")
		if err != nil {
			return "", nil, err
		}
		if len(train) == 0 {
			continue
		}
		for _, other := range dirs[max(i+1, 2):] {
			if files, _ := parquetFiles(other, "train"); i >= 2 && len(files) > 0 {
				return "", nil, fault.Errorf(at, "several configurations: %s and %s; name one", d, other)
			}
		}
		return d, train, nil
	}
	return "", nil, fault.Errorf(at, "no train-*.parquet in it, in its data, or in one of its folders")
}

// parquetFiles are the shards of a split in a folder: split.parquet,
// split-00000-of-00002.parquet, or split/*.parquet, sorted. Where the names say
// how many there are, all must be there.
func parquetFiles(dir, split string) ([]string, error) {
	name := regexp.MustCompile(`^` + split + `([-_.].*)?\.parquet$`)
	var found []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if !e.IsDir() && name.MatchString(e.Name()) {
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	if len(found) == 0 {
		found, _ = filepath.Glob(filepath.Join(escapeGlob(filepath.Join(dir, split)), "*.parquet"))
	}
	return found, checkShards(dir, split, found)
}

// shardName says which of how many files it is, perhaps with a hash behind.
var shardName = regexp.MustCompile(`-(\d+)-of-(\d+)(-[0-9a-f]+)?\.parquet$`)

// checkShards wants every file that the names of shards count, once.
func checkShards(dir, split string, files []string) error {
	seen, total, other := map[int]string{}, 0, ""
	for _, f := range files {
		m := shardName.FindStringSubmatch(f)
		if m == nil {
			other = f
			continue
		}
		i, err1 := strconv.Atoi(m[1])
		n, err2 := strconv.Atoi(m[2])
		if err1 != nil || err2 != nil || i >= n || total > 0 && n != total {
			return fault.Errorf(f, "no shard of %s that goes with the others", split)
		}
		if twin := seen[i]; twin != "" {
			return fault.Errorf(f, "shard %d of %s is there twice, also as %s", i, split, filepath.Base(twin))
		}
		seen[i], total = f, n
	}
	switch {
	case total > 0 && len(files) != total:
		return fault.Errorf(dir, "%d of the %d files %s-*.parquet", len(files), total, split)
	case total > 0 && other != "":
		return fault.Errorf(other, "no shard of %s that goes with the others", split)
	}
	return nil
}

// shards are the files of a split, one after another.
type shards struct {
	files  []*shard
	starts []int // the first record of each
}

func (l *loader) shards(paths []string) (*shards, error) {
	s, n := &shards{}, 0
	for _, path := range paths {
		if err := l.ctx.Err(); err != nil {
			return nil, err
		}
		f, err := openShard(path, l.o.Inputs)
		if err != nil {
			return nil, wrap(path, plain(err))
		}
		l.release = append(l.release, f.close)
		s.files, s.starts = append(s.files, f), append(s.starts, n)
		n += len(f.labels)
	}
	return s, nil
}

// find is the file that has record i, and its row there.
func (s *shards) find(i int) (f *shard, row int) {
	k := sort.SearchInts(s.starts, i+1) - 1
	return s.files[k], i - s.starts[k]
}

func (s *shards) source() source {
	var out source
	for _, f := range s.files {
		out.labels, out.texts = append(out.labels, f.labels...), append(out.texts, f.texts...)
	}
	if s.files[0].arrays == nil {
		out.encoded = func(i int, _ []byte) ([]byte, error) {
			f, row := s.find(i)
			return f.row(row)
		}
	}
	out.where = func(i int) (string, int) {
		f, row := s.find(i)
		return f.path, row
	}
	return out
}

// unlabelled tells whether every label is −1, as in tests that are kept secret.
func (s *shards) unlabelled() bool {
	return !slices.ContainsFunc(s.files, func(f *shard) bool {
		return slices.ContainsFunc(f.labels, func(y int) bool { return y != -1 })
	})
}

// classes are the names that the files' metadata record, or nil.
func (s *shards) classes() []string {
	return classNames(s.files[0].parquet)[s.files[0].labelName]
}

// classNames are the names of the classes by column, as the metadata record them.
func classNames(f *parquet.File) map[string][]string {
	text, _ := f.Lookup("huggingface")
	var meta struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if json.Unmarshal([]byte(text), &meta) != nil {
		return nil
	}
	names := map[string][]string{}
	for column, raw := range meta.Info.Features {
		var feature struct {
			Names []string `json:"names"`
		}
		if json.Unmarshal(raw, &feature) == nil && feature.Names != nil {
			names[column] = feature.Names
		}
	}
	return names
}

// columns finds the images, or else the arrays, and the labels among a file's columns,
// which are listed by path: the bytes of image or img, or of the only struct that has
// bytes; the integers of label, fine_label or another usual name, or else of the only
// column that has named classes, or else the text of a usual name. Other integers may be
// an index or an identifier.
func columns(leaves []leaf, classes map[string][]string,
	inputs []Array) (image int, arrays []int, label int, err error) {
	usual := []string{"label", "labels", "fine_label", "fine_labels", "class", "target"}
	label = choose(leaves, usual, func(l leaf) bool {
		return l.integer && len(l.path) == 1 && (slices.Contains(usual, l.path[0]) || classes[l.path[0]] != nil)
	})
	if label < 0 {
		label = choose(leaves, usual, func(l leaf) bool {
			return l.bytes && len(l.path) == 1 && slices.Contains(usual, l.path[0])
		})
	}
	image = choose(leaves, []string{"image", "img"}, func(l leaf) bool {
		return l.bytes && (len(l.path) == 2 && l.path[1] == "bytes" ||
			len(l.path) == 1 && (label < 0 || l.path[0] != leaves[label].path[0]))
	})
	if arrays, err = arrayColumns(leaves, inputs, image < 0); err != nil {
		return 0, nil, 0, err
	}
	if image < 0 && arrays == nil || label < 0 {
		var all []string
		for _, l := range leaves {
			kind := "others"
			if l.bytes {
				kind = "bytes"
			} else if l.integer {
				kind = "integers"
			} else if l.list {
				kind = "lists"
			}
			all = append(all, fmt.Sprintf("%v of %s", l.path, kind))
		}
		return 0, nil, 0, fmt.Errorf("columns %s, want one [image bytes], or lists of numbers, and one [label] of "+
			"integers or text", strings.Join(all, ", "))
	}
	return image, arrays, label, nil
}

// leaf is a column of values.
type leaf struct {
	path           []string
	bytes, integer bool // one a row
	number, list   bool // one a row or, in a list, several
}

// choose returns the fitting leaf with the first of the names, or the only one.
func choose(leaves []leaf, names []string, fits func(leaf) bool) int {
	var fitting []int
	for i, l := range leaves {
		if fits(l) {
			fitting = append(fitting, i)
		}
	}
	for _, name := range names {
		for _, i := range fitting {
			if leaves[i].path[0] == name {
				return i
			}
		}
	}
	if len(fitting) == 1 {
		return fitting[0]
	}
	return -1
}
