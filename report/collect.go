package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"memprobe/internal/fault"
	"memprobe/internal/infile"
	"memprobe/internal/suggest"
	"memprobe/probe/result"
)

// Comparison lays entries side by side.
type Comparison struct {
	Entries []*Entry
	// Differs are the keys of Config in which entries differ, most telling first.
	Differs []string
	// Notes name what was left out and why: files that cannot be read, runs that
	// have not begun.
	Notes []string

	rewinds []rewinding
	met     int      // entries, rewindings and what was noted, also those met before
	by      []string // keys of Config whose values make a group; nil: all that make another experiment
}

// Collect reads runs (folders with run.json), reports (probe.json, or folders with
// one), rewindings of their models (rewind.json) and folders of them, such as a sweep's, at any depth. Unfinished runs are
// taken as far as they are. What cannot be read is left out with a note; the error
// is a fault.Error where a path does not exist or nothing is found.
func Collect(paths ...string) (*Comparison, error) {
	c := &Comparison{}
	for _, p := range paths {
		if p == "" { // a variable that is not set: the current folder is not meant
			return nil, fault.Errorf(`""`, "is no path of a run, a report or a folder of them")
		}
		before := c.met
		if err := c.walk(filepath.Clean(p)); err != nil {
			return nil, err
		}
		if len(paths) > 1 && c.met == before {
			c.note(p, errNothing)
		}
	}
	if len(c.Entries) == 0 {
		return nil, fault.Errorf(strings.Join(paths, ", "), "%s", strings.Join(append([]string{errNothing.Error()}, c.Notes...), "; "))
	}
	for _, e := range c.Entries {
		e.Config = e.settings()
	}
	c.dropCopies()
	c.giveRewinds()
	c.Differs = c.differing()
	c.label()
	return c, nil
}

var errNothing = errors.New("no run (a folder with run.json) and no report (probe.json) in it")

// GroupBy makes rows, curves and points of groups of all entries that agree in some keys
// of their settings, whatever else differs. The error names the key that none has.
func (c *Comparison) GroupBy(keys []string) error {
	for _, k := range keys {
		if !slices.ContainsFunc(c.Entries, func(e *Entry) bool { return e.Config[k] != nil }) {
			return fmt.Errorf("%q, want one of %s%s", k, strings.Join(c.keys(), ", "), suggest.DidYouMean(k, c.keys()))
		}
	}
	c.by = keys
	c.label()
	return nil
}

// label orders the entries and names them.
func (c *Comparison) label() {
	keys := slices.Concat(c.by, c.Differs)
	slices.SortStableFunc(c.Entries, func(a, b *Entry) int { return order(a, b, keys) })
	for _, g := range c.groups() {
		for _, e := range g.entries {
			e.Label, e.Seeds = g.label, c.within(g, e)
		}
	}
	var names, paths []string
	for _, e := range c.Entries {
		names, paths = append(names, e.name()), append(paths, e.folder())
	}
	for i, tail := range apart(names, paths) {
		if tail != "" {
			e := c.Entries[i]
			e.Seeds = strings.TrimPrefix(e.Seeds+", "+tail, ", ")
		}
	}
}

const (
	runFile   = "run.json"
	probeFile = "probe.json"
	sweepFile = "sweep.json"

	rewindFile = "rewind.json"
)

// rewinding is a rewinding with its file.
type rewinding struct {
	path string
	*result.Rewind
}

func (c *Comparison) walk(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fault.Wrap(path, err)
	case !info.IsDir() && filepath.Base(path) == runFile:
		c.run(filepath.Dir(path))
	case !info.IsDir() && filepath.Base(path) == rewindFile:
		c.rewind(path)
	case !info.IsDir():
		c.report(path)
	case exists(path, runFile):
		c.run(path)
	case exists(path, probeFile):
		c.report(filepath.Join(path, probeFile))
	case exists(path, rewindFile):
		c.rewind(filepath.Join(path, rewindFile))
	case exists(path, "checkpoints"):
		c.note(path, errors.New("a run that has not begun"))
	default:
		return c.folder(path)
	}
	return nil
}

// folder looks for entries in a folder that is none itself, and names them as the
// list of the sweep does whose folder it may be.
func (c *Comparison) folder(path string) error {
	inside, err := os.ReadDir(path)
	if err != nil {
		return fault.Wrap(path, err)
	}
	first := len(c.Entries)
	for _, d := range inside {
		at := filepath.Join(path, d.Name())
		switch {
		case strings.HasPrefix(d.Name(), "."):
		case d.Type()&fs.ModeSymlink != 0:
			c.link(at)
		case d.IsDir():
			if err := c.walk(at); err != nil {
				return err
			}
		}
	}
	var list struct {
		Cells map[string]struct{ Variant string }
	}
	b, err := infile.Read(filepath.Join(path, sweepFile))
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.note(filepath.Join(path, sweepFile), err)
	}
	for _, e := range c.Entries[first:] {
		if filepath.Dir(e.Path) == path {
			e.Variant = list.Cells[filepath.Base(e.Path)].Variant
		}
	}
	return nil
}

// link takes the entry that a link leads to. Folders of entries are not followed, since
// they may lead back.
func (c *Comparison) link(path string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		c.note(path, errors.New("a link that leads nowhere"))
	case !info.IsDir(): // as other files
	case exists(path, runFile):
		c.run(path)
	case exists(path, probeFile):
		c.report(filepath.Join(path, probeFile))
	case exists(path, rewindFile):
		c.rewind(filepath.Join(path, rewindFile))
	default:
		c.note(path, errors.New("a link to a folder that is neither a run nor a report; name the folder itself"))
	}
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

func (c *Comparison) note(path string, err error) {
	c.met++
	if n := fault.Wrap(path, err).Error(); !slices.Contains(c.Notes, n) {
		c.Notes = append(c.Notes, n)
	}
}

func (c *Comparison) add(e *Entry) {
	c.met++
	if !slices.ContainsFunc(c.Entries, func(o *Entry) bool { return o.Path == e.Path }) {
		c.Entries = append(c.Entries, e)
	}
}

func (c *Comparison) report(path string) {
	p, err := result.ReadProbe(path)
	if err != nil {
		c.note(path, unnamed(path, err))
		return
	}
	c.add(&Entry{Path: path, Probes: []*result.Probe{p}})
}

func (c *Comparison) rewind(path string) {
	r, err := result.ReadRewind(path)
	if err != nil {
		c.note(path, unnamed(path, err))
		return
	}
	c.met++
	c.rewinds = append(c.rewinds, rewinding{path, r})
}

// giveRewinds gives every rewinding to the entries of the same model, the first of several.
func (c *Comparison) giveRewinds() {
	for _, r := range c.rewinds {
		given := false
		for _, e := range c.Entries {
			if e.model() == r.Model.SHA256 && r.Model.SHA256 != "" {
				given = true
				if e.Rewind == nil {
					e.Rewind = r.Rewind
				}
			}
		}
		if !given {
			c.note(r.path, errors.New("of none of the models that are compared"))
		}
	}
}

// run reads a run's folder. A run without metrics or probes is an entry all the
// same.
func (c *Comparison) run(dir string) {
	e := &Entry{Path: dir}
	path := filepath.Join(dir, runFile)
	var err error
	if e.Run, err = result.ReadRun(path); err != nil {
		c.note(path, unnamed(path, err))
		return
	}
	path = filepath.Join(dir, "metrics.csv")
	if e.Epochs, err = result.ReadEpochsFile(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.note(path, unnamed(path, err))
	}
	for _, path := range probes(dir) {
		p, err := result.ReadProbe(path)
		if err != nil {
			c.note(path, unnamed(path, err))
			continue
		}
		if p.Epoch == nil { // an old or foreign probe: the file's name tells
			n := 0
			fmt.Sscanf(filepath.Base(path), "epoch-%d.json", &n)
			p.Epoch = &n
		}
		e.Probes = append(e.Probes, p)
	}
	slices.SortStableFunc(e.Probes, func(a, b *result.Probe) int { return *a.Epoch - *b.Epoch })
	c.add(e)
}

// probes returns the files of a run's probes, in the order of their names. A pattern
// would take a bracket in dir for one of its own.
func probes(dir string) []string {
	dir = filepath.Join(dir, "probe")
	inside, _ := os.ReadDir(dir) // a run that was never probed has none
	var files []string
	for _, d := range inside {
		if strings.HasPrefix(d.Name(), "epoch-") && strings.HasSuffix(d.Name(), ".json") {
			files = append(files, filepath.Join(dir, d.Name()))
		}
	}
	return files
}

// unnamed takes from an error the path that its message begins with.
func unnamed(path string, err error) error {
	if rest, ok := strings.CutPrefix(err.Error(), path+": "); ok {
		return errors.New(rest)
	}
	return err
}

// Unfinished returns the entries of runs that are not at their end.
func (c *Comparison) Unfinished() []*Entry {
	var out []*Entry
	for _, e := range c.Entries {
		if e.Run != nil && !e.Run.Finished {
			out = append(out, e)
		}
	}
	return out
}
