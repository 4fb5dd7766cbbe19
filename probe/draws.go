package probe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/atomicfile"
	"memprobe/internal/infile"
	"memprobe/internal/rng"
	"memprobe/internal/seal"
	"memprobe/onnx"
	"memprobe/probe/result"
)

// drawn is what was measured of one untrained network.
type drawn struct {
	Layers []drawnLayer `json:"layers"`
}

// drawnLayer is what was measured of a layer: accuracies and the queries that are
// answered rightly, a bit each, by the runner's banks.
type drawnLayer struct {
	Accuracy []result.Accuracy `json:"accuracy"`
	Right    [][]byte          `json:"right"`
	Values   result.Values     `json:"values,omitempty"` // of metrics; of the first draw alone
}

// kept is what the trained network does not change: the untrained ones and the pixels.
// A file holds it under the fingerprint of all that decides it.
type kept struct {
	Checksum  string                `json:"checksum"` // of the file, see package seal
	Key       string                `json:"key"`
	Pixels    []drawnLayer          `json:"pixels"`              // a bank each
	Augmented map[string]drawnLayer `json:"augmented,omitempty"` // of the first bank with views, by what makes them
	Draws     []drawn               `json:"draws"`
	file      string
	changed   bool
}

// DrawSeed is the seed of a draw of untrained weights: of the first, seed itself.
func DrawSeed(seed uint64, draw int) uint64 {
	if draw == 0 {
		return seed
	}
	s := rng.New(seed, rng.Untrained, math.MaxUint64, uint64(draw))
	return s.Uint64()
}

// open reads what Options.Keep has for this probe, or else one of Options.Kin.
func (r *runner) open(m *onnx.Model) error {
	if r.Keep == "" || r.NoUntrained {
		return nil
	}
	key, err := r.fingerprint(m)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("untrained-%.12s.json", key)
	own := filepath.Join(r.Keep, name)
	if r.kept, err = readKept(own, key); err != nil {
		return err
	}
	for _, dir := range r.Kin {
		if len(r.kept.Draws) >= r.Draws {
			break
		}
		// What another run has and cannot be read is measured here.
		if k, err := readKept(filepath.Join(dir, name), key); err == nil && len(k.Draws) > len(r.kept.Draws) {
			r.kept, r.kept.changed = k, true
		}
	}
	r.kept.file = own
	return nil
}

// readKept reads what a file keeps under a key: nothing if there is no such file, or it
// is damaged, since it is measured anew then.
func readKept(file, key string) (kept, error) {
	none := kept{Key: key}
	b, err := infile.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	var k kept
	if seal.Verify(b, nil) != nil || json.Unmarshal(b, &k) != nil || k.Key != key {
		return none, nil
	}
	return k, nil
}

// keep writes what was added.
func (r *runner) keep() error {
	if r.kept.file == "" || !r.kept.changed {
		return nil
	}
	if err := os.MkdirAll(r.Keep, 0o755); err != nil {
		return err
	}
	r.kept.Checksum = seal.Blank()
	b, err := json.Marshal(r.kept)
	if err != nil {
		return err
	}
	if err := seal.Seal(b, nil); err != nil {
		return err
	}
	return atomicfile.Write(r.kept.file, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// untrained measures the untrained networks, but for those that are kept. took is how
// long the trained one took.
func (r *runner) untrained(ctx context.Context, m *onnx.Model, trained *network, took time.Duration) ([]drawn, error) {
	if r.NoUntrained {
		return nil, nil
	}
	have := len(r.kept.Draws)
	if r.Cost != nil && have < r.Draws {
		r.Cost(r.Draws-have, r.images.N()+len(r.testLabels), took)
	}
	for d := have; d < r.Draws; d++ {
		one, err := r.drawNetwork(ctx, m, trained, d)
		if err != nil {
			return nil, fmt.Errorf("untrained network: %w", err)
		}
		r.kept.Draws, r.kept.changed = append(r.kept.Draws, one), true
	}
	return r.kept.Draws[:r.Draws], r.keep()
}

// untrainedSubject is an untrained network, drawn when it is to run, and the images that
// it sees views of: the first alone sees any.
func (r *runner) untrainedSubject(ctx context.Context, m *onnx.Model, draw int) (net *subject, viewed []int) {
	seed, stage := DrawSeed(r.Seed, draw), fmt.Sprintf("untrained network %d of %d, ", draw+1, r.Draws)
	name := fmt.Sprintf("untrained, seed %d", seed)
	if r.Statistics == EstimatedStatistics {
		name += fmt.Sprintf(", statistics of %v by seed %d", r.prints, r.Seed)
	}
	if draw == 0 {
		viewed = r.viewed
	}
	return newSubject(func() (*onnx.Model, error) {
		fresh, err := Untrained(m, seed, r.Workers)
		if err == nil && r.Statistics == EstimatedStatistics {
			fresh, err = r.estimateStatistics(ctx, fresh, r.images, stage)
		}
		return fresh, err
	}, name, stage), viewed
}

// drawNetwork draws an untrained network and measures what is a baseline. Its input is
// the trained one's.
func (r *runner) drawNetwork(ctx context.Context, m *onnx.Model, trained *network, draw int) (drawn, error) {
	out := drawn{make([]drawnLayer, len(r.layers))}
	net, viewed := r.untrainedSubject(ctx, m, draw)
	sampled := new(network)
	for _, group := range r.groups {
		rest := slices.DeleteFunc(slices.Clone(group), func(l int) bool { return r.layers[l].Op == "" && len(viewed) == 0 })
		if len(rest) == 0 {
			continue
		}
		f, err := r.features(ctx, net, rest, viewed)
		if err != nil {
			return out, err
		}
		err = f.each(rest, func(l int, f layerFeatures) error {
			switch l {
			case r.embedding:
				sampled.embedding = f.images.rows(r.sample)
			case len(r.layers) - 1:
				sampled.logits = f.images.rows(r.sample)
			}
			if err := r.measureDrawn(ctx, &out.Layers[l], l, f, len(viewed) > 0); err != nil {
				return err
			}
			r.recycle(f)
			return nil
		})
		if err != nil {
			return out, r.ofLayer(err)
		}
	}
	if err := errors.Join(net.release(), r.isAnother(m, trained, sampled)); err != nil {
		return out, err
	}
	for l := range out.Layers {
		if r.layers[l].Op == "" {
			out.Layers[l].answer(trained.layers[l].banks...)
		}
	}
	return out, nil
}

// measureDrawn probes a layer of an untrained network. Activations that are not finite
// leave its numbers undefined.
func (r *runner) measureDrawn(ctx context.Context, out *drawnLayer, at int, f layerFeatures, metrics bool) error {
	answered, err := r.ask(ctx, f, nil)
	if err != nil && ctx.Err() == nil {
		answered = make([]answers, len(r.banks))
		for i := range answered {
			answered[i].accuracy = result.Accuracy{}
			for _, k := range r.K {
				answered[i].accuracy[k] = result.Number(math.NaN())
			}
		}
		out.answer(answered...)
		return nil
	}
	if err != nil {
		return err
	}
	out.answer(answered...)
	if !metrics {
		return nil
	}
	l := measured{Layer: r.describeLayer(at, f)}
	err = further(ctx, &l, r.metrics, r.layerData(f, Features{}), true)
	out.Values = l.Values
	return err
}

func (l *drawnLayer) answer(banks ...answers) {
	for _, a := range banks {
		l.Accuracy, l.Right = append(l.Accuracy, a.accuracy), append(l.Right, pack(a.right))
	}
}

// pack puts eight answers into a byte, the first in the lowest bit.
func pack(b []bool) []byte {
	out := make([]byte, (len(b)+7)/8)
	for i, v := range b {
		out[i/8] |= byte(one(v)) << (i % 8)
	}
	return out
}

// unpack is the reverse of pack, of n answers; nil if there are none.
func unpack(p []byte, n int) []bool {
	if len(p) != (n+7)/8 {
		return nil
	}
	out := make([]bool, n)
	for i := range out {
		out[i] = p[i/8]>>(i%8)&1 != 0
	}
	return out
}

// fingerprint is the hash of all that decides the draws: the first one's weights and
// graph, the images and labels, and the settings.
func (r *runner) fingerprint(m *onnx.Model) (string, error) {
	fresh, err := Untrained(m, r.Seed, r.Workers)
	if err != nil {
		return "", err
	}
	p := fresh.Proto()
	p.MetadataProps = nil
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	h.Write(b)
	r.hashImages(h, r.images)
	if r.testLabels != nil {
		r.hashImages(h, r.data.Test)
	}
	var metrics []string
	for _, m := range r.metrics {
		if m.OnUntrained {
			metrics = append(metrics, m.Name, m.Settings)
		}
	}
	var banks []string
	for _, b := range r.banks {
		banks = append(banks, fmt.Sprint(b.name, b.lo, b.hi))
	}
	fmt.Fprintln(h, r.K, r.Headline, r.Options.Metric, r.Vote, r.Temperature, r.Mean, r.Std,
		slices.Concat([]int{r.in.batch}, r.data.Shape), r.Seed, r.Statistics,
		metrics, banks, r.settings().Features, r.pooling, len(r.data.Classes))
	if len(r.viewed) > 0 { // by the first draw too
		fmt.Fprintln(h, r.viewed, r.viewsName())
	}
	for _, l := range r.layers {
		fmt.Fprintln(h, l.Name, l.Shape)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// viewsName is what decides the views of an image.
func (r *runner) viewsName() string {
	return fmt.Sprintf("%s, %d views, seed %d", r.AugmentationName, r.Views, r.Seed)
}

func (r *runner) hashImages(h hash.Hash, s Split) {
	size := 1
	for _, d := range r.data.Shape {
		size *= d
	}
	image, b := make([]float32, size), make([]byte, 4*size)
	for i := range s.N() {
		s.Float32(image, i)
		for j, v := range image {
			u := math.Float32bits(v)
			b[4*j], b[4*j+1], b[4*j+2], b[4*j+3] = byte(u), byte(u>>8), byte(u>>16), byte(u>>24)
		}
		h.Write(b)
		fmt.Fprint(h, s.Label(i), " ")
	}
}
