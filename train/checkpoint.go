package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"memprobe/internal/atomicfile"
	"memprobe/internal/fault"
	"memprobe/internal/safetensors"
	"memprobe/internal/tensor"
	"memprobe/probe/result"
)

// The metadata of state.safetensors.
const (
	stateKey   = "memprobe.state"   // JSON of state
	metricsKey = "memprobe.metrics" // metrics.csv
	runKey     = "memprobe.run"     // runner.name; states of earlier versions have none
)

// identify names the run by all that its weights hang on but its length, which may change:
// configuration, data, and the network before its first step.
func (r *runner) identify() error {
	sums, err := readSums(r.dir.sums())
	if err != nil {
		return err
	}
	c := r.config
	c.Epochs, c.StepEpochs = 0, 0
	b, err := json.Marshal([]any{c.Map(), r.options.Set.Fingerprint(), sums[filepath.Base(r.dir.checkpoint(0))]})
	r.name = fmt.Sprintf("%x", sha256.Sum256(b))
	return err
}

// live returns every tensor that a run changes, by the name that it has in
// state.safetensors.
func (r *runner) live() map[string]*tensor.Tensor {
	all := r.opt.State()
	for name, t := range r.net.weights() {
		all["weight/"+name] = t
	}
	if r.losses != nil {
		all["losses"] = r.losses.epoch
	}
	return all
}

// checkpoint writes the model of an epoch that has ended, and the state.
func (r *runner) checkpoint(epoch int) error {
	if !r.net.finite() {
		return nil // the next step will say so
	}
	m, err := r.net.snapshot(epoch)
	if err != nil {
		return err
	}
	if err := r.dir.saveCheckpoint(epoch, m); err != nil {
		return err
	}
	r.at.Good = epoch
	return r.save()
}

// save writes the state, whole or not at all, if the weights are finite. It alone
// decides where a run goes on; all other files are brought in line with it.
func (r *runner) save() error {
	if !r.net.finite() {
		return nil
	}
	if err := r.log.sync(); err != nil {
		return err
	}
	if err := r.losses.sync(); err != nil {
		return err
	}
	head, err := json.Marshal(r.at)
	if err != nil {
		return err
	}
	var rows bytes.Buffer
	if err := result.WriteEpochs(&rows, r.at.rows); err != nil {
		return err
	}
	metadata := map[string]string{stateKey: string(head), metricsKey: rows.String(), runKey: r.name}
	r.saved = time.Now()
	return atomicfile.Write(r.dir.state(), func(w io.Writer) error { return safetensors.Write(w, metadata, r.live()) })
}

// restore takes up the state of an earlier process, if it left one. The first one is written
// with the checkpoint of epoch 0, so that later checkpoints are not without.
func (r *runner) restore() error {
	metadata, tensors, err := safetensors.Read(r.dir.state())
	if errors.Is(err, os.ErrNotExist) {
		if epochs, err := Checkpoints(string(r.dir)); err == nil && len(epochs) > 0 && slices.Max(epochs) > 0 {
			return fault.Errorf(r.dir.state(), "is missing: from it the run would go on, which has a checkpoint of epoch %d", slices.Max(epochs))
		}
		return nil
	}
	if err != nil {
		return err
	}
	if err := r.take(metadata, tensors); err != nil {
		return err
	}
	return r.dir.writeMetrics(r.at.rows)
}

// take goes to the place, and takes the numbers, that a state holds.
func (r *runner) take(metadata map[string]string, tensors map[string]*tensor.Tensor) (err error) {
	bad := func(format string, args ...any) error { return fault.Errorf(r.dir.state(), format, args...) }
	if of, ok := metadata[runKey]; ok && of != r.name {
		return bad("is of another run than %s and the first checkpoint", r.dir.run())
	}
	if err := json.Unmarshal([]byte(metadata[stateKey]), &r.at); err != nil {
		return bad("metadata %s: %w", stateKey, fault.Plain(err))
	}
	if r.at.rows, err = result.ReadEpochs(strings.NewReader(metadata[metricsKey])); err != nil {
		return bad("metadata %s: %w", metricsKey, err)
	}
	if s := r.at; s.Epoch < 0 || s.Step < 0 || s.Step > r.epochLen || len(r.at.rows) != s.Epoch {
		return bad("stands at epoch %d, step %d, with %d epochs measured", s.Epoch, s.Step, len(r.at.rows))
	}
	live := r.live()
	for _, name := range slices.Sorted(maps.Keys(live)) {
		t := tensors[name]
		if t == nil || t.DType != live[name].DType || !slices.Equal(t.Shape, live[name].Shape) {
			return bad("tensor %q is missing or of another shape than %v", name, live[name].Shape)
		}
		live[name].Copy(t)
	}
	r.opt.Resume(max(r.at.Epoch-1, 0)*r.epochLen + r.at.Step)
	return nil
}
