package dataset

import (
	"errors"
	"path"
	"slices"
	"strings"

	"memprobe/internal/fault"
)

var tinyImageNetFormats = []format{
	{name: "tinyimagenet", title: "TinyImageNet, 100,000 + 10,000 RGB 64x64 of 200 classes", path: "DIR|FILE.zip",
		load: (*loader).tinyImageNet, places: []string{"tiny-imagenet-200", "tiny-imagenet-200.zip"}},
}

// maxText bounds a text file of a set.
const maxText = 64 << 20

// tinyImageNet reads TinyImageNet as it is published, in a folder or zipped:
// wnids.txt lists the classes, train/WNID/images has their pictures, and
// val/val_annotations.txt the class of each picture of val/images. Classes are
// ordered by WordNet identifier and called by the first word of words.txt. A val
// that was sorted into folders of classes is taken too.
func (l *loader) tinyImageNet(at string) (*content, error) {
	t, err := l.openTree(at, "wnids.txt")
	if err != nil {
		return nil, err
	}
	text, err := t.read("wnids.txt", maxText, nil)
	if err != nil {
		return nil, t.fault("wnids.txt", err)
	}
	ids := strings.Fields(string(text))
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) == 0 {
		return nil, t.fault("wnids.txt", errors.New("names no class"))
	}
	c := &content{}
	if c.classes, err = t.words(ids); err != nil {
		return nil, err
	}
	if c.train, err = l.classFolders(t, "train", ids, ids); err != nil {
		return nil, err
	}
	if t.has(annotations) {
		c.test, err = t.annotated(ids)
	} else {
		var folders []string
		if folders, err = t.folders("val"); err == nil {
			c.test, err = l.classFolders(t, "val", folders, ids)
		}
	}
	return c, err
}

// words are the names of classes, or their identifiers where there are none.
func (t *tree) words(ids []string) ([]string, error) {
	names := slices.Clone(ids)
	if !t.has("words.txt") {
		return names, nil
	}
	text, err := t.read("words.txt", maxText, nil)
	if err != nil {
		return nil, t.fault("words.txt", err)
	}
	for line := range strings.Lines(string(text)) {
		id, words, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if i, ok := slices.BinarySearch(ids, id); ok && words != "" {
			names[i], _, _ = strings.Cut(words, ",")
		}
	}
	return names, nil
}

const annotations = "val/val_annotations.txt"

// annotated makes the test split of val/images.
func (t *tree) annotated(ids []string) (source, error) {
	text, err := t.read(annotations, maxText, nil)
	if err != nil {
		return source{}, t.fault(annotations, err)
	}
	var files []string
	var labels []int
	for line := range strings.Lines(string(text)) {
		record := len(files)
		f := strings.Fields(line)
		if len(f) < 2 {
			return source{}, fault.Errorf(t.name(annotations), "record %d: %q, want a file and its class",
				record, strings.TrimSpace(line))
		}
		label, ok := slices.BinarySearch(ids, f[1])
		if !ok {
			return source{}, fault.Errorf(t.name(annotations), "record %d: class %q is not in wnids.txt", record, f[1])
		}
		files, labels = append(files, path.Join("val/images", f[0])), append(labels, label)
	}
	if len(files) == 0 {
		return source{}, t.fault(annotations, errors.New("names no picture"))
	}
	return t.source(files, labels), nil
}
