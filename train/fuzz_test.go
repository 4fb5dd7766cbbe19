package train

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"

	"memprobe/internal/safetensors"
)

// Whatever a state says, a run stands at a place that there is, with the epochs measured
// that lie before it, or it is a fault. The format of the file has a target of its own.
func FuzzState(f *testing.F) {
	c := small()
	c.Epochs = 4
	o := Options{Set: open(f, c)}
	dir := f.TempDir()
	ctx, stop := context.WithCancel(f.Context())
	o.Progress = func(p Progress) {
		if p.Epoch == 2 {
			stop()
		}
	}
	if _, err := Run(ctx, dir, c, o); !errors.Is(err, context.Canceled) {
		f.Fatal(err)
	}
	r := &runner{config: c, options: Options{Set: o.Set}, dir: folder(dir)}
	if err := r.open(f.Context()); err != nil {
		f.Fatal(err)
	}
	defer r.log.close()
	defer r.losses.close()
	metadata, tensors, err := safetensors.Read(r.dir.state())
	if err != nil {
		f.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(tensors))
	f.Add(metadata[stateKey], metadata[metricsKey], uint8(0), uint8(0))
	f.Add(metadata[stateKey], metadata[metricsKey], uint8(1), uint8(2))
	f.Add(`{"Epoch":0,"Step":0}`, "", uint8(0), uint8(0))
	f.Add(`{"Epoch":-1,"Step":9223372036854775807}`, metadata[metricsKey], uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, head, rows string, from, to uint8) {
		given := maps.Clone(tensors) // one of which may have another's name
		given[names[int(to)%len(names)]] = tensors[names[int(from)%len(names)]]
		r.at = state{}
		if err := r.take(map[string]string{stateKey: head, metricsKey: rows}, given); err != nil {
			if !isFault(err) {
				t.Errorf("error %v, want a fault", err)
			}
			return
		}
		if s := r.at; s.Epoch < 0 || s.Step < 0 || s.Step > r.epochLen || len(s.rows) != s.Epoch {
			t.Errorf("stands at epoch %d, step %d, with %d epochs measured", s.Epoch, s.Step, len(s.rows))
		}
		if _, err := json.Marshal(r.at); err != nil {
			t.Errorf("cannot be kept again: %v", err)
		}
	})
}
