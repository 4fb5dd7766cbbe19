package dataset

import (
	"path"
	"slices"

	"memprobe/internal/fault"
)

var imagesFormats = []format{
	{name: "images", title: "train/CLASS/*, test/CLASS/* or val/CLASS/*: PNG, JPEG, WebP", path: "DIR|FILE.zip",
		load: (*loader).images},
}

// images reads a folder, or a zip archive, of train/CLASS/… and test/CLASS/… or
// val/CLASS/…, pictures in PNG, JPEG or WebP. The classes are train's folders in
// lexical order, as in torchvision's ImageFolder.
func (l *loader) images(at string) (*content, error) {
	t, err := l.openTree(at, "train")
	if err != nil {
		return nil, err
	}
	c := &content{}
	if c.classes, err = t.folders("train"); err != nil {
		return nil, err
	}
	if len(c.classes) == 0 {
		return nil, fault.Errorf(t.name("train"), "no folder of a class in it")
	}
	if c.train, err = l.classFolders(t, "train", c.classes, c.classes); err != nil {
		return nil, err
	}
	tested := ""
	for _, dir := range []string{"test", "val", "valid", "validation"} {
		if !t.has(dir) {
			continue
		}
		if tested != "" {
			l.note("%s is left out: the test images are those of %s", t.name(dir), t.name(tested))
			continue
		}
		folders, err := t.folders(dir)
		if err != nil {
			return nil, err
		}
		if len(folders) == 0 {
			l.note("%s has no folders of classes and is left out", t.name(dir))
			continue
		}
		if c.test, err = l.classFolders(t, dir, folders, c.classes); err != nil {
			return nil, err
		}
		tested = dir
	}
	if tested == "" {
		l.note("no test split in %s", t.path)
	}
	return c, nil
}

// classFolders makes a split of a folder of classes, which are sorted.
func (l *loader) classFolders(t *tree, dir string, folders, classes []string) (source, error) {
	var files []string
	var labels []int
	skipped, hidden := 0, 0
	for _, class := range folders {
		if err := l.ctx.Err(); err != nil {
			return source{}, err
		}
		folder := path.Join(dir, class)
		label, ok := slices.BinarySearch(classes, class)
		if !ok {
			return source{}, fault.Errorf(t.name(folder), "class %q is none of the %d of %s",
				class, len(classes), t.name("train"))
		}
		found, err := t.pictures(folder)
		if err != nil {
			return source{}, err
		}
		if len(found.pictures) == 0 {
			return source{}, fault.Errorf(t.name(folder), "an empty class: no PNG, JPEG or WebP among its %d files", found.other)
		}
		skipped, hidden = skipped+found.other, hidden+found.hidden
		for _, f := range found.pictures {
			files, labels = append(files, f), append(labels, label)
		}
	}
	loose, err := t.loose(dir)
	if err != nil {
		return source{}, err
	}
	if n := len(loose.pictures); n > 0 {
		l.note("%d pictures in %s lie in no folder of a class and are left out", n, t.name(dir))
	}
	if hidden += loose.hidden; hidden > 0 {
		l.note("%d hidden pictures or folders in %s are left out", hidden, t.name(dir))
	}
	if skipped > 0 {
		l.note("%d files of other kinds in %s are left out", skipped, t.name(dir))
	}
	return t.source(files, labels), nil
}
