package ops

import (
	"fmt"

	"memprobe/internal/memory"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// Def is one operator at one since-version.
type Def struct {
	Op     string
	Domain string // "" for ai.onnx
	Since  int
	// Attributes are those that ONNX, or ONNX Runtime, gives the operator from Since on and, behind semicolons,
	// from the opsets on that begin what stands there: "axis:i k:i!; 10 axis:i". Each has its
	// type (see attributeTypes) and a ! where it must be there.
	// Sources: the changelog of operators, https://github.com/onnx/onnx/blob/main/docs/Changelog.md,
	// and docs/ContribOperators.md and nchwc_schema_defs.cc of github.com/microsoft/onnxruntime.
	Attributes string
	// As is the ONNX operator that an internal one stands in for in training, by
	// which errors name its nodes.
	As string

	// Infer checks a node's inputs and attributes and sets the element types
	// and shapes of its outputs. A rule that needs the elements of an input
	// reads Value.Const and fails where there are none.
	Infer func(n *Node) error
	// Bind returns the function that computes n.Out from n.In on the tensors
	// of e. All decisions and all allocations happen here; the function itself
	// reads the tensors' data slices anew each time and allocates nothing.
	Bind func(n *Node, e *Env) (func(), error)
	// Grad appends the nodes that compute the gradients of n's inputs from
	// those of its outputs, and returns a gradient for each input; nil where
	// there is none. dy[i] is nil where output i does not reach the loss. It
	// computes only what want[i] asks for.
	Grad func(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error)
	// NotDifferentiable says why there is no Grad; empty where there is one.
	NotDifferentiable string
	// Expand appends nodes that compute what n does and returns the values of its
	// outputs, nil for one that n lacks. They take n's place, so that neither Bind
	// nor Grad is needed; nor is Infer, since types and shapes are theirs.
	Expand func(b *Builder, n *Node) ([]*Value, error)
	// Eager computes n from whole values while a graph runs, where the types or the
	// shapes of its results depend on them: in[i] is nil for an operand that is
	// absent. The compiler takes it where neither Infer nor Expand can say what the
	// results are. What it returns is memory of its own, or an operand's.
	Eager func(n *Node, in []Data) ([]Data, error)

	// MultiplyAdds counts the products, one multiplication with its addition each,
	// of a node whose shapes are known; nil for operators that count nothing.
	MultiplyAdds func(n *Node) int64

	// Roles says what constant operands are for, by their numbers, where other operands are
	// data: what training moves, and by what rule an untrained network draws it. The last
	// one is that of all operands after it. Here and in the next three fields the row of
	// the newest version stands for all.
	Roles []Role
	// Weighted marks an operator that mixes features by weights: a new block begins.
	Weighted bool
	// Moves marks an operator that gives the elements of operand 0 elsewhere, or in
	// another type, and computes nothing.
	Moves bool
	// OfShape marks an operator that reads the shapes of its operands alone.
	OfShape bool

	// Fan is Node.Fan where the rule of the operand's role does not do.
	Fan func(n *Node, arg int, shape []int) int

	// Train returns the node that does in a training step what n does in evaluation, n
	// itself where that is the same; nil for operators that know no training. Types and
	// shapes of a new node are not inferred yet. See training.go.
	Train func(b *Builder, n *Node, t *Training) (*Node, error)
	// Evaluation is how much of a node of training a node of evaluation has; nil for
	// operators that know no training.
	Evaluation *Evaluation

	// Wide gives the type in which an operator computes on numbers of another: the
	// compiler casts the operands that have the type of the first, and the results
	// back. Nil where the operator's own loops do for every type that it accepts.
	Wide func(d tensor.DType) tensor.DType

	// View marks an operator whose output 0 has the elements of input 0 under
	// another shape: the planner lets them share memory and Bind is not called
	// for it when they do.
	View bool
	// InPlace marks an operator that may write output 0 over input 0 where
	// element types and shapes agree and nobody needs the input afterwards.
	InPlace bool
	// Over lists further pairs of an output and an input that it may be written
	// over, the best first. Several outputs may be in pairs, but each is written
	// over an input of its own.
	Over [][2]int
	// Adds, if not 0, is the operand that may be left out of an operator, whose elements are added to
	// those of output 0.
	Adds int
	// Random marks an operator that must not be folded into a constant.
	Random bool
}

// Overwrites lists the pairs of an output and an input that it may be written
// over.
func (d *Def) Overwrites() [][2]int {
	if d.InPlace {
		return append([][2]int{{0, 0}}, d.Over...)
	}
	return d.Over
}

// Env is what a node is bound to: tensors, workers and scratch memory.
type Env struct {
	Pool *parallel.Pool
	// Preparing runs what Bind computes; nil means Pool.
	Preparing *parallel.Pool
	// In and Out are the node's tensors; nil where Node.In or Node.Out is.
	In, Out []*tensor.Tensor

	// Images is how many samples a run takes, the first size of its inputs; 0 where that is not known.
	Images int
	// Parts is in how many parts a batch is cut, of which the node computes one; 0 and 1 if it
	// computes all. Where methods differ in bits, that for all of the batch is taken.
	Parts int

	// Fault takes the error of a node whose operands' elements do not fit, which
	// are known at run time alone, like indices; the run ends with it.
	Fault *error

	// Packed, if not nil, is told of elements of constants that no run reads, since they
	// were copied in another order.
	Packed func(elements []float32)

	scratch *Scratch
	// Step counts training steps, for operators that draw random numbers.
	Step *uint64
	// Seed is the seed of all random draws.
	Seed uint64
}

// For returns a node's environment with what e has in common for all nodes.
func (e *Env) For(s *Scratch, in, out []*tensor.Tensor) *Env {
	own := *e
	own.scratch, own.In, own.Out = s, in, out
	return &own
}

// constants returns what pack makes of constants, for as long as the plan lives. A plan that is
// bound again has that of the first time, in the same order.
func (e *Env) constants(floats int, pack func(to []float32)) []float32 {
	s := e.scratch
	if s.again < len(s.made) {
		s.again++
		return s.made[s.again-1]
	}
	to := s.packed.Floats(floats)
	pack(to)
	s.made = append(s.made, to)
	s.again = len(s.made)
	return to
}

// preparing runs what is computed once for all runs.
func (e *Env) preparing() *parallel.Pool {
	if e.Preparing == nil {
		return e.Pool
	}
	return e.Preparing
}

// packed tells of elements that no run reads.
func (e *Env) packed(elements []float32) {
	if e.Packed != nil {
		e.Packed(elements)
	}
}

// Fail makes err the fault of the run.
func (e *Env) Fail(err error) {
	if e.Fault == nil {
		panic(err)
	}
	*e.Fault = err
}

// Scratch is workspace that steps of a plan share, since they run one at a time.
type Scratch struct {
	need    int
	buf     []float32
	packed  memory.Pieces // constants in the order in which the steps read them
	made    [][]float32   // of packed
	again   int           // how many of made have been asked for since the plan was bound
	weights []float32     // of a node that is being bound, scaled
}

// Again is workspace of the same steps for a run beside those of s, with the same constants.
func (s *Scratch) Again() *Scratch { return &Scratch{made: s.made} }

// Rewind has the same steps be bound once more, to run in turn with those bound before.
func (s *Scratch) Rewind() { s.again = 0 }

// NewEnv returns an environment whose scratch requests go to s.
func NewEnv(p *parallel.Pool, s *Scratch, in, out []*tensor.Tensor) *Env {
	return &Env{Pool: p, In: in, Out: out, scratch: s}
}

// Scratch asks for n float32s of workspace. Its contents do not survive the
// node's function. The memory exists once the whole plan is bound.
func (e *Env) Scratch(n int) func() []float32 {
	s := e.scratch
	s.need = max(s.need, n)
	return func() []float32 { return s.buf[:n] }
}

// Allocate makes the workspace that was asked for, once all nodes are bound.
func (s *Scratch) Allocate() {
	s.weights = nil
	if len(s.buf) < s.need {
		s.buf = memory.Floats(s.need)
	}
}

// Need is the number of float32s asked for so far.
func (s *Scratch) Need() int { return s.need }

// Lookup returns the entry for an operator: the newest whose since-version is
// not above the model's opset. The error says what is missing.
func Lookup(domain, op string, opset int) (*Def, error) {
	if domain == "ai.onnx" {
		domain = ""
	}
	versions := table[key{domain, op}]
	if versions == nil {
		if domain == "" {
			return nil, fmt.Errorf("operator %s is not supported", op)
		}
		return nil, fmt.Errorf("operator %s of domain %q is not supported", op, domain)
	}
	var best *Def
	for _, d := range versions {
		if d.Since <= opset && (best == nil || d.Since > best.Since) {
			best = d
		}
	}
	if best == nil {
		return nil, fmt.Errorf("operator %s at opset %d is not supported", op, opset)
	}
	return best, nil
}

// All returns every entry of the table, in the order of the families.
func All() []*Def {
	var all []*Def
	for _, f := range families {
		for i := range f {
			all = append(all, &f[i])
		}
	}
	return all
}

type key struct{ domain, op string }

var table = index()

func index() map[key][]*Def {
	t := map[key][]*Def{}
	for _, d := range All() {
		k := key{d.Domain, d.Op}
		t[k] = append(t[k], d)
	}
	return t
}
