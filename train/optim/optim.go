package optim

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// The optimisers.
const (
	SGD   = "sgd"   // with momentum, Nesterov's or not, and coupled weight decay
	Adam  = "adam"  // Kingma and Ba 2015; weight decay is added to the gradient
	AdamW = "adamw" // Loshchilov and Hutter 2019; weight decay shrinks the weights
	LARS  = "lars"  // You et al. 2017
)

// Settings say how weights are updated; see [vec.SGD] and [vec.Adam] for
// the formulas. LARS is SGD whose gradient and weight decay are scaled by
//
//	Trust·‖w‖ / (‖g‖ + WeightDecay·‖w‖)
//
// for each weight of two and more dimensions; biases and the scales of
// normalisations are neither scaled nor decayed. Where a norm is 0 the scale is 1.
//
// With ClipNorm > 0 all gradients are multiplied by ClipNorm/(‖g‖ + 1e-6), where
// that is below 1, ‖g‖ being the norm of all gradients together, as PyTorch's
// clip_grad_norm_.
type Settings struct {
	Optimizer         string
	Momentum          float64 // SGD, LARS
	Nesterov          bool    // SGD, LARS
	WeightDecay       float64
	Beta1, Beta2, Eps float64 // Adam, AdamW
	Trust             float64 // LARS
	ClipNorm          float64 // 0: none
}

// Check returns what is wrong with the settings, by the names of their flags.
func (s Settings) Check() error {
	in := func(v, low, high float64) bool { return v >= low && v < high }
	inf := math.Inf(1)
	switch {
	case !slices.Contains(Names(), s.Optimizer):
		return fmt.Errorf("optimizer %q, want one of %s", s.Optimizer, strings.Join(Names(), ", "))
	case !in(s.Momentum, 0, inf):
		return fmt.Errorf("momentum %v, want 0 or more", s.Momentum)
	case s.Nesterov && s.Momentum == 0:
		return fmt.Errorf("nesterov wants a momentum above 0")
	case !in(s.WeightDecay, 0, inf):
		return fmt.Errorf("weight-decay %v, want 0 or more", s.WeightDecay)
	case !in(s.Beta1, 0, 1):
		return fmt.Errorf("beta1 %v, want at least 0 and below 1", s.Beta1)
	case !in(s.Beta2, 0, 1):
		return fmt.Errorf("beta2 %v, want at least 0 and below 1", s.Beta2)
	case !in(s.Eps, 0, inf):
		return fmt.Errorf("eps %v, want 0 or more", s.Eps)
	case !in(s.Trust, 0, inf):
		return fmt.Errorf("trust %v, want 0 or more", s.Trust)
	case !in(s.ClipNorm, 0, inf):
		return fmt.Errorf("clip-norm %v, want 0 or more", s.ClipNorm)
	}
	return nil
}

// Param is a weight to be updated, of float32.
type Param struct {
	Name  string
	Value *tensor.Tensor
}

// Optimizer updates a fixed list of weights.
type Optimizer struct {
	Settings
	rule   rule
	pool   *parallel.Pool
	params []Param
	slots  []slot
	chunks []chunk
	steps  int

	grads  []*tensor.Tensor // of the step in progress
	lr     float64
	clip   float64
	scale  []float64    // of each weight, LARS
	square [2][]float64 // of each chunk: Σ g², Σ w²

	update, measure func(worker, i int)
}

// slot is one number of state a weight, by PyTorch's name for it.
type slot struct {
	name   string
	values []*tensor.Tensor // by parameter
}

// chunk is a range of one parameter.
type chunk struct{ param, lo, hi int }

// chunkSize is how many weights one thread updates at a time: its state, 256 KiB
// with Adam, fits into a core's second-level cache.
const chunkSize = 1 << 14

// StateBytes is the memory of the state of that many weights.
func (s Settings) StateBytes(weights int64) int64 {
	return 4 * weights * int64(len(ruleOf(s.Optimizer).slots(s)))
}

// New returns an optimizer with its state at 0.
func New(s Settings, params []Param, pool *parallel.Pool) *Optimizer {
	o := &Optimizer{Settings: s, rule: ruleOf(s.Optimizer), pool: pool, params: params,
		scale: make([]float64, len(params))}
	for i, p := range params {
		o.scale[i] = 1
		n := p.Value.Len()
		for c := range parallel.Chunks(n, chunkSize) {
			lo, hi := parallel.Range(c, chunkSize, n)
			o.chunks = append(o.chunks, chunk{i, lo, hi})
		}
	}
	for _, name := range o.rule.slots(s) {
		o.addSlot(name)
	}
	for i := range o.square {
		o.square[i] = make([]float64, len(o.chunks))
	}
	o.update, o.measure = o.updateChunk, o.measureChunk
	return o
}

func (o *Optimizer) addSlot(name string) {
	s := slot{name: name}
	for _, p := range o.params {
		s.values = append(s.values, tensor.New(tensor.Float32, p.Value.Shape...))
	}
	o.slots = append(o.slots, s)
}

// Steps is the number of steps taken.
func (o *Optimizer) Steps() int { return o.steps }

// Resume continues after the given number of steps, with the state that was
// copied into the tensors of State.
func (o *Optimizer) Resume(steps int) { o.steps = steps }

// State returns the optimizer's own numbers under names of the form
// "exp_avg/conv1.weight": the live tensors, to be saved or to be overwritten.
func (o *Optimizer) State() map[string]*tensor.Tensor {
	state := map[string]*tensor.Tensor{}
	for _, s := range o.slots {
		for i, t := range s.values {
			state[s.name+"/"+o.params[i].Name] = t
		}
	}
	return state
}

// Step updates every weight from its gradient, in the order of New's params.
func (o *Optimizer) Step(lr float64, grads []*tensor.Tensor) {
	o.steps++
	o.grads, o.lr, o.clip = grads, lr, 1
	if o.ClipNorm > 0 || o.rule.scale != nil {
		o.pool.For(len(o.chunks), o.measure)
		o.rescale()
	}
	o.pool.For(len(o.chunks), o.update)
	o.grads = nil
}

func (o *Optimizer) measureChunk(_, i int) {
	c := o.chunks[i]
	o.square[0][i] = vec.SumSq(o.grads[c.param].F32()[c.lo:c.hi])
	o.square[1][i] = vec.SumSq(o.params[c.param].Value.F32()[c.lo:c.hi])
}

func (o *Optimizer) updateChunk(_, i int) {
	c := o.chunks[i]
	o.rule.update(o, c, o.params[c.param].Value.F32()[c.lo:c.hi], o.grads[c.param].F32()[c.lo:c.hi])
}

// state is a chunk of a slot.
func (o *Optimizer) state(slot int, c chunk) []float32 {
	return o.slots[slot].values[c.param].F32()[c.lo:c.hi]
}
