package train

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strconv"

	"memprobe/internal/atomicfile"
	"memprobe/internal/fault"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/memory"
	"memprobe/internal/meta"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/train/dataset"
	"memprobe/train/optim"
)

// network is a model in training. The graph's weights are the live ones; those of
// the model are brought up to date by snapshot.
type network struct {
	model      *onnx.Model // evaluation mode
	graph      *engine.Graph
	input      string
	logits     string
	scores     string // how logits was chosen
	image      []int  // [C,H,W], or [D]
	classes    int    // of the logits
	normalized bool   // pixels are normalised before they are fed
	fixedBatch int    // 0 if the batch is open
	batch      int
	options    engine.TrainOptions
	frozen     int64            // elements of the weights that stay as they are
	trainers   map[int]*trainer // by batch
}

// trainer is a plan for one size of batch.
type trainer struct {
	*engine.Trainer
	feed  *dataset.Feed
	grads []*tensor.Tensor
}

// newNetwork prepares m, whose weights it separates and which it puts into
// evaluation mode, for images of the given shape.
func newNetwork(m *onnx.Model, image []int, classes, batch int, o engine.TrainOptions) (*network, error) {
	if err := m.BeforeTraining(); err != nil {
		return nil, err
	}
	in := m.Inputs()
	if len(in) != 1 || !dataset.FeedsOn(in[0].DType()) {
		return nil, fault.Errorf(m.Name(),
			"the model has inputs %v, want one of images [N,C,H,W] or [N,D] of float32, float64 or uint8", in)
	}
	n := &network{model: m, input: in[0].Name, image: image, batch: batch, options: o, trainers: map[int]*trainer{}}
	if in[0].Ranked && len(in[0].Shape) > 0 {
		n.fixedBatch = max(in[0].Shape[0].Size, 0)
		if len(in[0].Shape) == 2 { // a network of vectors
			n.image = []int{tensor.Len(image)}
		}
	}
	var err error
	if n.graph, err = m.Graph(); err != nil {
		return nil, err
	}
	if err := n.findLogits(o.Logits, classes); err != nil {
		return nil, err
	}
	if n.classes < classes {
		return nil, fault.Errorf(n.model.Name(), "output %q has %d classes, the labels have %d", n.logits, n.classes, classes)
	}
	return n, nil
}

// findLogits decides which tensor is trained.
func (n *network) findLogits(want string, classes int) error {
	in, err := n.inputs(cmp.Or(n.fixedBatch, 2))
	if err != nil {
		return err
	}
	l, err := n.model.Logits(in, want, classes)
	if err != nil {
		return err
	}
	if l.After != "" {
		return fault.Errorf(n.model.Name(),
			"the output %s: no scores to train; --logits NAME names a tensor of scores [N,classes]", l)
	}
	n.logits, n.classes, n.scores = l.Name, l.Classes, l.String()
	return nil
}

func (n *network) inputs(batch int) (map[string]*tensor.Tensor, error) {
	return n.model.InputTensors(batch, map[string][]int{n.input: slices.Concat([]int{batch}, n.image)})
}

// trainer returns the plan for a batch of that many images.
func (n *network) trainer(batch int) (*trainer, error) {
	if t := n.trainers[batch]; t != nil {
		return t, nil
	}
	in, err := n.inputs(batch)
	if err != nil {
		return nil, err
	}
	o := n.options
	o.Inputs, o.Logits = in, n.logits
	t := new(trainer)
	if t.Trainer, err = n.model.CompileTraining(n.graph, o); err != nil {
		return nil, err
	}
	if t.feed, err = dataset.NewFeed(t.Input(n.input), n.normalized); err != nil {
		return nil, fault.Errorf(n.model.Name(), "input %q: %w", n.input, err)
	}
	for _, p := range t.Params() {
		t.grads = append(t.grads, p.Grad)
	}
	n.trainers[batch] = t
	return t, nil
}

// optimizer returns one for the network's parameters.
func (n *network) optimizer(s optim.Settings, pool *parallel.Pool) (*optim.Optimizer, error) {
	t, err := n.trainer(n.batch)
	if err != nil {
		return nil, err
	}
	var params []optim.Param
	for _, p := range t.Params() {
		if p.Value.DType != tensor.Float32 {
			return nil, fault.Errorf(n.model.Name(), "parameter %q is %v, want float32", p.Name, p.Value.DType)
		}
		params = append(params, optim.Param{Name: p.Name, Value: p.Value})
	}
	weights := int64(0)
	for _, p := range params {
		weights += int64(p.Value.Len())
	}
	if err := memory.Need("the state of optimizer "+s.Optimizer, s.StateBytes(weights)); err != nil {
		return nil, fault.Wrap(n.model.Name(), err)
	}
	return optim.New(s, params, pool), nil
}

// trained counts the elements of the parameters.
func (n *network) trained() (count int64, err error) {
	t, err := n.trainer(n.batch)
	if err != nil {
		return 0, err
	}
	for _, p := range t.Params() {
		count += int64(p.Value.Len())
	}
	return count, nil
}

// weights returns the live tensors that training changes: parameters and running
// statistics.
func (n *network) weights() map[string]*tensor.Tensor {
	w := map[string]*tensor.Tensor{}
	for _, t := range n.trainers {
		for _, p := range slices.Concat(t.Params(), t.Buffers()) {
			w[p.Name] = p.Value
		}
	}
	return w
}

// finite reports whether all weights are finite numbers.
func (n *network) finite() bool {
	for _, t := range n.weights() {
		if s := vec.SumSq(t.F32()); s-s != 0 {
			return false
		}
	}
	return true
}

// snapshot returns the model with the weights as they are, at the end of an
// epoch. It is valid until the next.
func (n *network) snapshot(epoch int) (*onnx.Model, error) {
	n.model.SetMetadata(meta.Epoch, strconv.Itoa(epoch))
	return n.model, n.model.SetWeights(n.weights())
}

// saveModel writes a model and returns the file's SHA-256.
func saveModel(m *onnx.Model, path string) (string, error) {
	b, err := m.Bytes()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// agreement counts the rows whose largest logit is that of the largest target.
func agreement(logits, target *tensor.Tensor) int {
	classes := logits.Shape[1]
	right := 0
	for i := range logits.Shape[0] {
		lo, hi := i*classes, (i+1)*classes
		if vec.ArgMax(logits.F32()[lo:hi]) == vec.ArgMax(target.F32()[lo:hi]) {
			right++
		}
	}
	return right
}
