package engine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Loss is what training minimises.
type Loss uint8

// The losses, of logits x against soft targets t of the same shape [N,classes].
const (
	CrossEntropy Loss = iota // the mean over N of -Σ t·ln softmax(x)
	MSE                      // the mean over N and classes of (x-t)²
)

func (l Loss) op() string { return [...]string{"CrossEntropyLoss", "MSELoss"}[l] }

// TrainOptions say for what training is compiled.
type TrainOptions struct {
	// Inputs is as in Options; the shapes are those of a batch.
	Inputs map[string]*tensor.Tensor
	// Logits names the tensor that is trained; "" means the graph's first
	// output that is a float of shape [N,classes].
	Logits string
	Loss   Loss
	// Frozen names initialisers that stay as they are: constants of the plan,
	// without a gradient. A BatchNormalization whose running mean and variance
	// are both frozen normalises by them, as in evaluation.
	Frozen map[string]bool
	// Pool runs the kernels; nil means the caller's goroutine alone.
	Pool *parallel.Pool
	// Seed is that of dropout.
	Seed uint64
	// Memory is how many bytes a step may take besides the weights; 0 means
	// what the process's budget leaves.
	Memory int64
	// Double computes in float64 throughout, on copies of the weights: the
	// oracle of gradient checks.
	Double bool
}

// Param is an initialiser that training changes.
type Param struct {
	Name string
	// Value is the graph's own tensor, shared by all that is compiled from it.
	Value *tensor.Tensor
	// Grad is valid from a Step until the next, and not to be written; nil for
	// a buffer.
	Grad *tensor.Tensor
}

// Trainer computes losses and gradients. It is not safe for concurrent use, nor
// while another Trainer of the same graph runs.
type Trainer struct {
	session *session
	step    uint64
	target  *tensor.Tensor
	logits  *tensor.Tensor
	loss    *tensor.Tensor
	params  []Param
	buffers []Param
	updated []*tensor.Tensor // what buffers become after a step
}

// CompileTraining plans one training step of the graph: the forward pass with
// batch statistics and dropout, the loss, and the gradients of all parameters.
// Parameters are those of the graph's from which a gradient path leads to the
// loss. The error lists
// every fault of the graph, a line each.
func (g *Graph) CompileTraining(o TrainOptions) (*Trainer, error) {
	r, err := g.training(&o)
	if err != nil {
		return nil, err
	}
	l := r.layout()
	batch := r.logits.Shape[0]
	err = l.fits("a training step", o.Memory, batch, func(to int) int64 { return g.stepBytes(&o, batch, to) })
	if err != nil {
		return nil, err
	}
	t := &Trainer{}
	t.session, err = r.bind(l.allocate(o.Pool), nil, &ops.Env{Pool: o.Pool, Seed: o.Seed, Step: &t.step}, new(ops.Scratch))
	if err != nil {
		return nil, err
	}
	t.target, t.logits, t.loss = l.tensor(r.target), l.tensor(r.logits), l.tensor(r.loss)
	for _, p := range r.params {
		t.params = append(t.params, Param{Name: p.Name, Value: l.tensor(p), Grad: l.tensor(r.grads[p])})
	}
	for _, b := range r.buffers {
		t.buffers = append(t.buffers, Param{Name: b.Name, Value: l.tensor(b)})
		t.updated = append(t.updated, l.tensor(r.updated[b]))
	}
	return t, nil
}

// training is the program of a training step and the values in it that matter.
type training struct {
	*program
	forward              []*ops.Node // without the loss
	target, logits, loss *ops.Value
	dlogits              *ops.Value
	params               []*ops.Value // that have a gradient, in the graph's order
	grads                map[*ops.Value]*ops.Value
	buffers              []*ops.Value // running statistics, in the graph's order
	updated              map[*ops.Value]*ops.Value
}

// training lowers the graph in training mode and appends the loss and the
// reverse pass.
func (g *Graph) training(o *TrainOptions) (*training, error) {
	r, err := g.forward(o)
	if err != nil {
		return nil, err
	}
	if r.grads, err = r.reverse(r.forward, r.logits, r.dlogits); err != nil {
		return nil, err
	}
	g.sort(r)
	if len(r.params) == 0 {
		return nil, Problems{fmt.Errorf("no parameter has a gradient path to %q", r.logits.Name)}
	}
	for _, v := range r.buffers {
		r.keep = append(r.keep, r.updated[v])
	}
	for _, v := range r.params {
		r.keep = append(r.keep, r.grads[v])
	}
	r.keep = append(r.keep, r.logits, r.loss)
	r.prune(r.keep)
	return r, nil
}

// forward is a training step up to the loss and the gradient of the logits.
func (g *Graph) forward(o *TrainOptions) (*training, error) {
	p, err := g.lower(&Options{Inputs: o.Inputs, Double: o.Double, KeepParams: true, Frozen: o.Frozen}, o.Pool)
	if err != nil {
		return nil, err
	}
	r := &training{program: p}
	if r.logits, err = g.findLogits(p, o.Logits); err != nil {
		if why := p.open.why(); why != nil {
			return nil, why
		}
		return nil, err
	}
	p.prune([]*ops.Value{r.logits})
	p.fuse(trainingRewrites, []*ops.Value{r.logits})
	if r.updated, err = p.trainingMode(); err != nil {
		return nil, err
	}
	r.target = &ops.Value{Name: "target", DType: r.logits.DType, Shape: r.logits.Shape}
	p.inputs = append(p.inputs, r.target)
	b := ops.NewBuilder("loss")
	out := b.OpN(o.Loss.op(), nil, 2, r.logits, r.target)
	if b.Err != nil {
		return nil, b.Err
	}
	r.forward, r.loss, r.dlogits = p.nodes, out[0], out[1]
	p.nodes = append(p.nodes, b.Nodes...)
	return r, nil
}

// sort finds the parameters that have a gradient, and the buffers.
func (g *Graph) sort(r *training) {
	for _, n := range g.nodes {
		v := r.values[n.name]
		switch {
		case n.call != nil || v == nil:
		case r.updated[v] != nil:
			r.buffers = append(r.buffers, v)
		case v.Param && r.grads[v] != nil:
			r.params = append(r.params, v)
		}
	}
}

// Trainable returns the names, in the graph's order, of the initialisers that
// CompileTraining makes parameters and buffers of where nothing is frozen. An
// operator without a gradient is no error here: what comes before it may yet be
// frozen.
func (g *Graph) Trainable(o TrainOptions) (params, buffers []string, err error) {
	o.Frozen = nil
	r, err := g.forward(&o)
	if err != nil {
		return nil, nil, err
	}
	r.grads, _ = r.reverse(r.forward, r.logits, r.dlogits)
	g.sort(r)
	return names(r.params), names(r.buffers), nil
}

func names(vs []*ops.Value) []string {
	out := make([]string, len(vs))
	for i, v := range vs {
		out[i] = v.Name
	}
	return out
}

// findLogits returns the tensor to train.
func (g *Graph) findLogits(p *program, name string) (*ops.Value, error) {
	if name != "" {
		v := p.values[name]
		switch {
		case v == nil:
			return nil, Problems{fmt.Errorf("the graph has no tensor %q", name)}
		case !v.DType.IsFloat() || len(v.Shape) != 2:
			return nil, Problems{fmt.Errorf("tensor %q is %v%v, want float32 [N,classes]", name, v.DType, v.Shape)}
		}
		return v, nil
	}
	for _, n := range g.outputs {
		if v := p.values[n.name]; v != nil && v.DType.IsFloat() && len(v.Shape) == 2 {
			return v, nil
		}
	}
	return nil, Problems{fmt.Errorf("the graph has no float output of shape [N,classes]")}
}

// Input returns the tensor of a float input, to be filled before Step. It keeps
// its elements from step to step. An unknown name returns nil.
func (t *Trainer) Input(name string) *tensor.Tensor { return t.session.inputs[name] }

// Target returns the tensor of the soft targets, [N,classes], to be filled before
// Step.
func (t *Trainer) Target() *tensor.Tensor { return t.target }

// Logits returns the tensor trained on, [N,classes], valid from a Step until the
// next.
func (t *Trainer) Logits() *tensor.Tensor { return t.logits }

// Params returns the parameters in the order of the graph's initialisers.
func (t *Trainer) Params() []Param { return t.params }

// Buffers returns the initialisers that a step itself changes: running statistics.
func (t *Trainer) Buffers() []Param { return t.buffers }

// Memory returns what the trainer holds.
func (t *Trainer) Memory() Memory { return t.session.memory }

// Step runs the forward and the reverse pass on the inputs and the target: it
// returns the loss, fills every Grad and, if the loss is finite, moves the
// buffers. step numbers the draws of dropout.
func (t *Trainer) Step(ctx context.Context, step uint64) (loss float64, err error) {
	t.step = step
	if err := t.session.Run(ctx, nil); err != nil {
		return 0, err
	}
	loss = t.loss.F64()[0]
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return loss, nil
	}
	for i, b := range t.buffers {
		b.Value.Copy(t.updated[i])
	}
	return loss, nil
}

// Weights returns the graph's float initialisers by name; training changes their
// elements.
func (g *Graph) Weights() map[string]*tensor.Tensor {
	w := map[string]*tensor.Tensor{}
	for _, n := range g.nodes {
		if n.param && n.call == nil {
			w[n.name] = n.value
		}
	}
	return w
}

// operands returns the values of vs that are there.
func operands(vs []*ops.Value) []*ops.Value {
	return slices.DeleteFunc(slices.Clone(vs), func(v *ops.Value) bool { return v == nil })
}
