package report

import (
	"fmt"
	"maps"
	"strings"

	"memprobe/probe/result"
)

// Entry is one thing that is compared: a training run, or the probe of a single
// model.
type Entry struct {
	Path  string // the run's folder, or the probe's file
	Label string // tells it from the others in a few words; its seeds are left out
	Seeds string // tells it from those of the same label, by seeds or its folder; "" where it is the only one
	// Variant is the name that a sweep's plan gives the entry; "" where it has none.
	Variant string
	Run     *result.Run
	Epochs  []result.Epoch
	Probes  []*result.Probe // in the order of their epochs
	Rewind  *result.Rewind  // nil: none was found
	// Config is the run's configuration and the settings of its last probe, which
	// have keys that begin with "probe.".
	Config map[string]any
}

// State says how far an entry is: finished, report, or unfinished with its place.
func (e *Entry) State() string {
	switch {
	case e.Run == nil:
		return "report"
	case e.Run.Finished:
		return "finished"
	case len(e.Epochs) == 0:
		return "unfinished, no epoch yet"
	}
	return fmt.Sprintf("unfinished, epoch %d of %s", e.Epochs[len(e.Epochs)-1].Epoch, printed(e.Config["epochs"]))
}

// settings is what an entry was made with, by key: of a run, and as "probe.…" how it was
// probed, which may be otherwise than it was trained.
func (e *Entry) settings() map[string]any {
	out := maps.Clone(e.trained())
	if out == nil {
		out = map[string]any{}
	}
	p := e.last()
	if p == nil {
		return out
	}
	s, d := p.Settings, p.Data
	for k, v := range map[string]any{"k": float64(s.Headline), "metric": s.Metric, "vote": s.Vote, "pool": s.Pool} {
		out["probe."+k] = v
	}
	if s.Draws > 0 {
		out["probe.draws"] = float64(s.Draws)
	}
	if len(d.Banks) > 0 {
		out["probe.bank"] = d.Banks[0].Name
	}
	if s.Temperature > 0 {
		out["probe.temperature"] = s.Temperature
	}
	if s.Features != "" {
		out["probe.features"] = s.Features
	}
	for name, how := range s.Metrics {
		out["probe."+name] = how
	}
	of := "probe."
	if e.trained() == nil && e.Run == nil {
		of = ""
		out["model"], out["labels"] = p.Model.Path, d.Labels
	}
	out[of+"data"], out[of+"normalize"] = d.Spec, normalization(s)
	out[of+"train-limit"], out[of+"test-limit"] = float64(d.TrainLimit), float64(d.TestLimit)
	if d.TrainFirst > 0 {
		out[of+"train-first"] = float64(d.TrainFirst)
	}
	return out
}

// normalization is none, or what was subtracted from the pixels and what they were divided
// by, a channel each.
func normalization(s result.Settings) string {
	if len(s.Mean) == 0 {
		return s.Normalize
	}
	return strings.Trim(fmt.Sprint(s.Mean), "[]") + " / " + strings.Trim(fmt.Sprint(s.Std), "[]")
}

// last is the latest probe, or nil.
func (e *Entry) last() *result.Probe {
	if len(e.Probes) == 0 {
		return nil
	}
	return e.Probes[len(e.Probes)-1]
}
