package probe

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
)

// What the running statistics of an untrained network's normalisations are.
const (
	// EstimatedStatistics are those of images, as a trained network's are: the mean of
	// the means and variances of batches, each normalised by its own.
	EstimatedStatistics = "estimated"
	// InitialStatistics are those that a network is born with: mean 0, variance 1. They
	// are the default: see docs/method.md.
	InitialStatistics = "initial"
)

// StatisticsKinds are the values of Options.Statistics.
func StatisticsKinds() []string { return []string{EstimatedStatistics, InitialStatistics} }

// statisticsImages is how many images the statistics are estimated on.
const statisticsImages = 1024

// normalisation is a BatchNormalization with its running statistics.
type normalisation struct {
	mean, variance string       // initialisers
	seen           [2]string    // tensors that hold those of a batch
	sum            [2][]float64 // over batches
}

// estimateStatistics returns a copy of m in evaluation mode whose running statistics
// are estimated by forward passes over at most 1,024 of the images, drawn by the seed;
// m itself if it has none. Every batch is a full one and normalises by its own mean and
// variance (divisor n); statistics are the means of those over the batches, in float64.
func (r *runner) estimateStatistics(ctx context.Context, m *onnx.Model, images Split,
	stage string) (*onnx.Model, error) {
	m = m.Clone()
	if err := m.BeforeTraining(); err != nil {
		return nil, err
	}
	training := m.Clone()
	found := trainNormalisations(training)
	if len(found) == 0 {
		return m, nil
	}
	batch := r.in.batch
	if v := m.Inputs()[0]; !v.Ranked || v.Shape[0].Size <= 0 {
		batch = min(batch, images.N())
	}
	var outputs []string
	for _, f := range found {
		outputs = append(outputs, f.seen[0], f.seen[1])
	}
	session, err := training.Compile(engine.Options{Inputs: r.in.tensors(training, batch), Outputs: outputs,
		Pool: r.Workers})
	if err != nil {
		return nil, err
	}
	order := make([]int, images.N())
	s := rng.New(r.Seed, rng.Metric, 2)
	s.Perm(order)
	batches := max(1, min(statisticsImages, images.N())/batch)
	feed, err := r.in.feed(m, session, batch, len(r.Mean) > 0)
	if err != nil {
		return nil, err
	}
	fill, done := r.fill(images), r.progress(stage+"statistics", batches*batch)
	for b := range batches {
		r.Workers.For(batch, func(_, i int) { fill(feed.Row(i), order[(b*batch+i)%len(order)]) })
		feed.Convert()
		if err := session.Run(ctx, nil); err != nil {
			return nil, err
		}
		for i := range found {
			found[i].add(session)
		}
		if done != nil {
			done((b + 1) * batch)
		}
	}
	return m, setStatistics(m, found, batches)
}

// trainNormalisations has the normalisations of m use and yield the statistics of the
// batch. Those whose running statistics are no initialisers of float32 stay.
func trainNormalisations(m *onnx.Model) []normalisation {
	var found []normalisation
	for i, n := range m.Nodes() {
		if n.GetOpType() != "BatchNormalization" || onnx.Domain(n.GetDomain()) != "" || len(n.Input) < 5 ||
			!isFloat32(m, n.Input[3]) || !isFloat32(m, n.Input[4]) {
			continue
		}
		f := normalisation{mean: n.Input[3], variance: n.Input[4]}
		for j, what := range []string{"mean", "variance"} {
			f.seen[j] = fmt.Sprintf("batch %s of node %d", what, i)
		}
		n.Output = []string{n.Output[0], f.seen[0], f.seen[1]}
		n.Attribute = slices.DeleteFunc(n.Attribute,
			func(a *onnxpb.AttributeProto) bool { return a.GetName() == "momentum" || a.GetName() == "is_test" })
		// A momentum of 0 keeps nothing of the old: the outputs are the batch's own.
		n.Attribute = append(n.Attribute, &onnxpb.AttributeProto{Name: proto.String("momentum"),
			Type: onnxpb.AttributeProto_FLOAT.Enum(), F: proto.Float32(0)})
		if m.Opset("") >= 14 {
			n.Attribute = append(n.Attribute, &onnxpb.AttributeProto{Name: proto.String("training_mode"),
				Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(1)})
		}
		found = append(found, f)
	}
	return found
}

func isFloat32(m *onnx.Model, name string) bool {
	if !m.IsInitializer(name) {
		return false
	}
	t, err := m.Initializer(name)
	return err == nil && t.DType == tensor.Float32
}

func (f *normalisation) add(s engine.Session) {
	for j, name := range f.seen {
		seen := s.Output(name).F32()
		if f.sum[j] == nil {
			f.sum[j] = make([]float64, len(seen))
		}
		for c, v := range seen {
			f.sum[j][c] += float64(v)
		}
	}
}

// setStatistics writes the means over the batches, and over the nodes that share
// running statistics.
func setStatistics(m *onnx.Model, found []normalisation, batches int) error {
	sums, times := map[string][]float64{}, map[string]int{}
	for _, f := range found {
		for j, name := range []string{f.mean, f.variance} {
			if sums[name] == nil {
				sums[name] = make([]float64, len(f.sum[j]))
			}
			for c, v := range f.sum[j] {
				sums[name][c] += v
			}
			times[name] += batches
		}
	}
	for _, f := range found {
		for _, name := range []string{f.mean, f.variance} {
			t := tensor.New(tensor.Float32, len(sums[name]))
			for c, v := range sums[name] {
				t.F32()[c] = float32(v / float64(times[name]))
			}
			if err := m.SetInitializer(name, t); err != nil {
				return err
			}
		}
	}
	return nil
}
