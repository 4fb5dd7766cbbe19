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
	for _, e := range c.Entries {
		i := slices.IndexFunc(kept, e.copies)
		if i < 0 {
			kept = append(kept, e)
			continue
		}
		if len(e.Epochs)+len(e.Probes) > len(kept[i].Epochs)+len(kept[i].Probes) {
			kept[i], e = e, kept[i]
		}
		c.note(e.Path, fmt.Errorf("the same run as %s, not another seed", kept[i].Path))
	}
	c.Entries = kept
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
