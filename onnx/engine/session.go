package engine

import (
	"context"
	"fmt"

	"memprobe/internal/fault"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Session is a compiled graph, by whatever it is computed: Graph.Compile returns the
// engine's. It is not safe for concurrent use.
type Session interface {
	// Taps returns the tensors that a run shows, in the order of Options.Taps.
	Taps() []Tap
	// Input returns the tensor of an input, to be filled before Run. It keeps its
	// elements from run to run. An input that belongs to the plan (see
	// Options.Inputs) and an unknown name return nil.
	Input(name string) *tensor.Tensor
	// Output returns an output's tensor, whose elements are valid until the next Run;
	// nil for an unknown name.
	Output(name string) *tensor.Tensor
	// Run computes the graph. visit, if not nil, is called once for each tap as soon
	// as its tensor exists, or for pieces of it (see Options.Pieces); the tensor is valid
	// during the call alone. When ctx ends, so does the run, with its error.
	Run(ctx context.Context, visit func(tap int, t *tensor.Tensor)) error
	// Memory returns what the session holds.
	Memory() Memory
}

// session is the engine's Session.
type session struct {
	steps   []step
	taps    []Tap
	early   []int // taps of inputs and constants
	inputs  map[string]*tensor.Tensor
	outputs map[string]*tensor.Tensor
	memory  Memory
	pool    *parallel.Pool          // stoppable
	fault   error                   // of a step: the elements of an operand do not fit
	beside  func() (Session, error) // makes another one; nil where there is none
}

type step struct {
	node *ops.Node
	run  func() // nil for a view
	taps []int
}

// Tap is a tensor that a run shows.
type Tap struct {
	Name   string
	DType  tensor.DType
	Shape  []int
	tensor *tensor.Tensor
}

// Memory is what a session holds, in bytes, apart from the constants.
type Memory struct{ Arena, Scratch int }

// Beside returns another session of the plan of s, with the same constants and as much memory of
// its own, whose runs may be at the same time as those of s if that was compiled without a pool.
// It returns nil for sessions of other backends and of graphs whose shapes the data decide.
func Beside(s Session) (Session, error) {
	own, _ := s.(*session)
	if p, ok := s.(*parted); ok {
		own = p.session
	}
	if own == nil || own.beside == nil {
		return nil, nil
	}
	return own.beside()
}

func (s *session) Memory() Memory                    { return s.memory }
func (s *session) Taps() []Tap                       { return s.taps }
func (s *session) Input(name string) *tensor.Tensor  { return s.inputs[name] }
func (s *session) Output(name string) *tensor.Tensor { return s.outputs[name] }

func (s *session) Run(ctx context.Context, visit func(tap int, t *tensor.Tensor)) error {
	if visit != nil {
		for _, i := range s.early {
			visit(i, s.taps[i].tensor)
		}
	}
	s.fault = nil
	s.pool.Until(ctx.Done())
	defer s.pool.Until(nil)
	for i := range s.steps {
		st := &s.steps[i]
		if err := st.do(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err // the step may have left out a part
		}
		if s.fault != nil {
			return s.fault
		}
		if visit != nil {
			for _, t := range st.taps {
				visit(t, s.taps[t].tensor)
			}
		}
	}
	return nil
}

// do runs the step.
func (st *step) do() error {
	if st.run == nil {
		return nil
	}
	return guarded(st.node, func() error { st.run(); return nil })
}

// guarded runs what a node computes. A panic in it becomes an error that names the node.
func guarded(n *ops.Node, run func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			e := fault.Caught(r)
			e.Doing = fmt.Sprintf("node %q (%s)", n.Name, n.Op)
			err = e
		}
	}()
	return run()
}
