package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"memprobe/internal/suggest"
)

// SpecError is a SPEC that names no set, or a preset that does not fit the size that its
// images are to have: a mistake on the command line.
type SpecError struct {
	Spec   string
	Reason string
}

func (e *SpecError) Error() string { return fmt.Sprintf("data %q: %s", e.Spec, e.Reason) }

// format is one NAME of a SPEC.
type format struct {
	name   string
	title  string
	path   string   // what PATH is: "DIR", "FILE"; "" if it takes none
	drawn  bool     // PATH is parameters, which may be left out
	places []string // where a bare name is looked for under a root; nil: it needs a path
	load   func(l *loader, path string) (*content, error)
}

// formats is every NAME, in the order in which they are listed; each file of readers has
// its rows.
var formats = slices.Concat(embeddedFormats, shapesFormats, idxFormats, cifarFormats, tinyImageNetFormats,
	imagesFormats, parquetFormats, npzFormats)

// resolve finds the format and the path of a SPEC.
func resolve(spec string, roots []string) (*format, string, error) {
	name, path, hasPath := strings.Cut(spec, ":")
	var known []string
	for _, f := range formats {
		if f.name != name {
			known = append(known, f.name)
			continue
		}
		switch {
		case hasPath && f.path == "":
			return nil, "", &SpecError{spec, f.name + " takes no path"}
		case hasPath && path == "":
			return nil, "", &SpecError{spec, "the path is empty"}
		case hasPath || f.path == "" || f.drawn:
			return &f, path, nil
		case f.places == nil:
			return nil, "", &SpecError{spec, fmt.Sprintf("want %s:%s", f.name, f.path)}
		}
		path, err := f.find(spec, roots)
		return &f, path, err
	}
	return nil, "", &SpecError{spec,
		"unknown name, want one of " + strings.Join(known, ", ") + suggest.DidYouMean(name, known)}
}

// find looks for a set that was named without a path.
func (f *format) find(spec string, roots []string) (string, error) {
	if roots == nil {
		roots = DefaultRoots()
	}
	for _, root := range roots {
		for _, place := range f.places {
			path := filepath.Join(root, filepath.FromSlash(place))
			if _, err := os.Stat(path); err == nil {
				return path, nil
			}
		}
	}
	return "", &MissingError{Spec: spec, Roots: roots}
}

// MissingError is a set that is in none of the places where it is looked for.
type MissingError struct {
	Spec  string
	Roots []string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("data %q: found in none of %s; give a path (%s:DIR), or set MEMPROBE_DATA to the folder that "+
		"holds it", e.Spec, strings.Join(e.Roots, ", "), e.Spec)
}

// DefaultRoots are the folders where bare names are looked for: those of
// $MEMPROBE_DATA (a list as in PATH), memprobe/data in the user's cache folder,
// and the system's usual place.
func DefaultRoots() []string {
	roots := filepath.SplitList(os.Getenv("MEMPROBE_DATA"))
	if dir, err := cacheRoot(); err == nil {
		roots = append(roots, dir)
	}
	return append(roots, "/usr/share/datasets")
}

func cacheRoot() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "memprobe", "data"), nil
}
