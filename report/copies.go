package report

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// dropCopies leaves out the runs that are others over again: of the same
// configuration, seeds and data, a run comes to the same model, and says nothing
// that the other does not. What is furthest stays.
func (c *Comparison) dropCopies() {
	var kept []*Entry
	at := map[string][]int{} // those kept, by what copies agree in
	for _, e := range c.Entries {
		marks := e.marks()
		i := -1
		for _, mark := range marks {
			for _, k := range at[mark] {
				if (i < 0 || k < i) && e.copies(kept[k]) {
					i = k
				}
			}
		}
		if i < 0 {
			i = len(kept)
			kept = append(kept, e)
		} else {
			if len(e.Epochs)+len(e.Probes) > len(kept[i].Epochs)+len(kept[i].Probes) {
				kept[i], e = e, kept[i]
			}
			c.note(e.Path, fmt.Errorf("the same run as %s, not another seed", kept[i].Path))
		}
		for _, mark := range marks {
			if !slices.Contains(at[mark], i) {
				at[mark] = append(at[mark], i)
			}
		}
	}
	c.Entries = kept
}

// marks are texts of which copies share one: what they were trained with, or that and how
// they were probed.
func (e *Entry) marks() []string {
	text := func(config map[string]any) string {
		out := e.fingerprint()
		for _, k := range slices.Sorted(maps.Keys(config)) {
			out += "\x00" + k + "\x00" + printed(config[k])
		}
		return out
	}
	marks := []string{text(e.Config)}
	if e.Run != nil {
		marks = append(marks, "run\x00"+text(e.Run.Config))
	}
	return marks
}

// copies tells that two runs, or two reports of runs, are one.
func (e *Entry) copies(o *Entry) bool {
	if e.trained() == nil || o.trained() == nil || e.fingerprint() != o.fingerprint() {
		return false
	}
	a, b := e.model(), o.model()
	if e.Run == nil || o.Run == nil { // the same network may be probed in several ways
		return a == b && a != "" && alike(e.Config, o.Config)
	}
	return (a == "" || b == "" || a == b) && alike(e.Run.Config, o.Run.Config)
}

func alike(a, b map[string]any) bool {
	return maps.EqualFunc(a, b, func(a, b any) bool { return printed(a) == printed(b) })
}

// trained is the configuration of the run that e is, or whose network it is a report of;
// nil where that is not known.
func (e *Entry) trained() map[string]any {
	switch {
	case e.Run != nil && len(e.Run.Config) > 0:
		return e.Run.Config
	case e.Run == nil && len(e.last().Config) > 0:
		return e.last().Config
	}
	return nil
}

// fingerprint is that of the data.
func (e *Entry) fingerprint() string {
	if e.Run != nil {
		return e.Run.Data.Fingerprint
	}
	return e.last().Data.Fingerprint
}

// model is the checksum of the model, or "".
func (e *Entry) model() string {
	if e.Run != nil {
		return e.Run.Model.SHA256
	}
	return e.last().Model.SHA256
}

// folder is where e lies.
func (e *Entry) folder() string {
	return strings.TrimSuffix(e.Path, string(filepath.Separator)+probeFile)
}
