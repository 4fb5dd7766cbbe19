package train

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"memprobe/internal/fault"
	"memprobe/internal/infile"
	"memprobe/internal/meta"
	"memprobe/internal/seal"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/probe/result"
	"memprobe/train/augment"
	"memprobe/train/zoo"
)

// ReadConfig returns the configuration of the run in a folder. A record that is not
// as it was written, or lacks a key, is a fault: what a default would stand in for is
// another run.
func ReadConfig(dir string) (Config, error) {
	path := folder(dir).run()
	b, err := infile.Read(path)
	if err != nil {
		return Config{}, err
	}
	var doc struct{ Config map[string]any }
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // seeds have 64 bits
	if err := d.Decode(&doc); err != nil {
		return Config{}, fault.Errorf(path, "not a run's record: %w", fault.Plain(err))
	}
	if err := seal.Verify(b, nil); err != nil {
		return Config{}, fault.Wrap(path, err)
	}
	for _, f := range Fields() {
		if _, ok := doc.Config[f.Key]; !ok && !f.Omit {
			return Config{}, fault.Errorf(path, "config has no key %q", f.Key)
		}
	}
	c, err := FromMap(doc.Config)
	if err != nil {
		return c, fault.Errorf(path, "config: %w", err)
	}
	return c, nil
}

// readRecord reads run.json, if there is one, and holds it to the configuration
// and the data.
func (r *runner) readRecord() (begun bool, err error) {
	old, err := ReadConfig(string(r.dir))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	was := old
	if r.options.Extend && r.config.Epochs != old.Epochs {
		if old, r.changes, err = old.Extended(r.config.Epochs); err != nil {
			return false, err
		}
		r.extends = &was
	}
	for _, key := range Keys() {
		if a, b := old.Get(key), r.config.Get(key); a != b {
			return false, fmt.Errorf("%s holds another run: %s is %v there, %v here", r.dir, key, a, b)
		}
	}
	if r.record, err = result.ReadRun(r.dir.run()); err != nil {
		return false, err
	}
	r.record.Model.Path = r.dir.model() // the folder may have been moved, or copied
	if a, b := r.record.Data.Fingerprint, r.options.Set.Fingerprint(); a != b {
		return false, fault.Errorf(r.options.Set.Spec,
			"the data have changed since %s was begun: fingerprint %s, was %s", r.dir, b, a)
	}
	return true, nil
}

// begin writes what a run starts from. run.json comes last: with it, the run has
// begun.
func (r *runner) begin() error {
	for _, old := range []string{r.dir.state(), r.dir.sums(), r.dir.model(), r.dir.metrics(), r.dir.steps(),
		r.dir.losses()} {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	m, err := r.net.snapshot(0)
	if err != nil {
		return err
	}
	if err := r.dir.saveCheckpoint(0, m); err != nil {
		return err
	}
	if r.record, err = r.describe(); err != nil {
		return err
	}
	return r.record.WriteFile(r.dir.run())
}

// openNetwork returns the network before its first step: the first checkpoint's,
// or that of the configuration.
func (r *runner) openNetwork(ctx context.Context) (*network, error) {
	m := r.options.Init
	var err error
	switch {
	case r.record != nil:
		m, err = LoadCheckpoint(r.dir.checkpoint(0))
	case r.config.Init == "":
		if m, err = zoo.Build(r.spec()); err != nil {
			err = fault.Wrap(r.config.Data, err) // whose images do not fit
		}
	case m == nil:
		err = errors.New("train: the model of init is not given")
	}
	if err != nil {
		return nil, err
	}
	m.Until(ctx)
	if err := r.mark(m); err != nil {
		return nil, err
	}
	image := []int{r.options.Set.C, r.options.Set.H, r.options.Set.W}
	return newNetwork(m, image, r.batches.classes(), min(r.config.Batch, r.batches.samples),
		engine.TrainOptions{Logits: r.config.Logits, Loss: lossOf(r.config.Loss).engine, Pool: r.options.Pool,
			Seed: r.config.Seed})
}

func (r *runner) spec() zoo.Spec {
	return zoo.Spec{Arch: r.config.Arch, Stem: r.config.Stem, Width: r.config.Width, Projector: r.config.Projector,
		Classes: r.batches.classes(), C: r.options.Set.C, H: r.options.Set.H, W: r.options.Set.W, Seed: r.config.Seed}
}

// mark records in a model what analysing it needs.
func (r *runner) mark(m *onnx.Model) error {
	p, err := augment.Parse(r.config.Augment)
	if err != nil {
		return err
	}
	imageSize := ""
	if r.config.ImageSize > 0 {
		imageSize = strconv.Itoa(r.config.ImageSize)
	}
	for _, e := range [][2]string{
		{meta.Data, r.config.Data}, {meta.TrainLimit, strconv.Itoa(r.config.TrainLimit)},
		{meta.SubsetSeed, strconv.FormatUint(r.config.SubsetSeed, 10)},
		{meta.ImageSize, imageSize}, {meta.Preprocess, r.config.Preprocess}, {meta.Normalize, r.config.Normalize},
		{meta.Labels, r.config.Labels}, {meta.LabelSeed, strconv.FormatUint(r.config.LabelSeed, 10)},
		{meta.IdealViews, strconv.Itoa(r.config.IdealViews)}, {meta.Augment, p.String()},
		{meta.TrainPrint, r.options.Set.Train.Fingerprint()},
	} {
		if e[1] == "" {
			m.RemoveMetadata(e[0]) // that --init has of its own training
		} else {
			m.SetMetadata(e[0], e[1])
		}
	}
	if r.config.Logits != "" {
		m.SetMetadata(meta.Logits, r.config.Logits)
	}
	return nil
}

// describe is the record of a run that begins.
func (r *runner) describe() (*result.Run, error) {
	trained, err := r.net.trained()
	if err != nil {
		return nil, err
	}
	m, set := r.net.model, r.options.Set
	summary := m.Inspect(r.config.Batch, map[string][]int{r.net.input: slices.Concat([]int{r.config.Batch}, r.net.image)})
	right := 0
	for i, y := range r.batches.assigned {
		if int(y) == set.Train.Label(i) {
			right++
		}
	}
	embedding, _ := m.Metadata(meta.Embedding)
	labels, err := infile.Read(r.dir.labels())
	if err != nil {
		return nil, err
	}
	assignedTrue := result.Some(ratio(right, set.Train.N()))
	if r.batches.foreign() {
		assignedTrue = nil
	}
	return &result.Run{
		Tool: r.options.Tool, Config: r.config.Map(),
		Model: result.Model{
			Path: r.dir.model(), Name: m.Proto().GetGraph().GetName(), Opset: int(m.Opset("")), Producer: m.Proto().
				GetProducerName(),
			Parameters: summary.Parameters, Trained: trained, Frozen: r.net.frozen, Input: r.net.input,
			InputShape: r.net.image, Embedding: embedding, Logits: r.net.logits, Scores: r.net.scores,
			Notes: r.options.Notes,
		},
		Data: result.Data{
			Spec: r.config.Data, Name: set.Name, Fingerprint: set.Fingerprint(), Train: set.Train.N(), Test: set.Test.N(),
			Classes: set.Classes, NumClasses: len(set.Classes), Shape: r.net.image, Vectors: set.Vectors,
			Resize:     strings.Join(set.Notes, "; "),
			TrainLimit: r.config.TrainLimit, TestLimit: r.config.TestLimit, SubsetSeed: &r.config.SubsetSeed,
			Labels: r.config.Labels, LabelSeed: &r.config.LabelSeed,
			LabelsSHA256: fmt.Sprintf("%x", sha256.Sum256(labels)), AssignedClasses: r.batches.scheme.Classes,
			AssignedTrue: assignedTrue,
		},
	}, nil
}
