package onnx

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/mapped"
	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
	"memprobe/onnx/ops"
)

// Graph returns the model as a graph of the engine. The error is an engine.Problems with
// everything that Check finds, or else every attribute that cannot be used.
func (m *Model) Graph() (*engine.Graph, error) { return m.checked(true) }

// checked is Graph, with parameters that are the model's own memory unless they may
// change.
func (m *Model) checked(change bool) (*engine.Graph, error) {
	if errs := m.Check(); len(errs) > 0 {
		return nil, engine.Problems(errs)
	}
	g, errs := m.graph(change)
	if len(errs) > 0 {
		return nil, engine.Problems(errs)
	}
	return g, nil
}

// Until has what is computed of the model, and of copies that are made of it from then
// on, end with ctx: its constants, shapes and plans. The errors are then ctx's.
func (m *Model) Until(ctx context.Context) { m.until = ctx }

// context is that which Until gave.
func (m *Model) context() context.Context {
	if m.until == nil {
		return context.Background()
	}
	return m.until
}

// Compile plans the model's evaluation, by the engine or by the backend that Use gave; see
// engine.Graph.Compile. Faults name the model's file.
func (m *Model) Compile(o engine.Options) (engine.Session, error) {
	if m.backend != nil {
		s, err := m.backend.Compile(m, o)
		return s, m.fault(err)
	}
	g, err := m.checked(false)
	if err != nil {
		return nil, err
	}
	if o.Packed == nil {
		o.Packed = func(weights []float32) { m.shown.forget(mapped.Bytes(weights)) }
	}
	s, err := g.Compile(o)
	return s, m.fault(err)
}

// CompileTraining plans a training step of g, a graph of this model; see
// engine.Graph.CompileTraining. Faults name the model's file.
func (m *Model) CompileTraining(g *engine.Graph, o engine.TrainOptions) (*engine.Trainer, error) {
	t, err := g.CompileTraining(o)
	return t, m.fault(err)
}

// Trainable returns what training g, a graph of this model, would change; see
// engine.Graph.Trainable. Faults name the model's file.
func (m *Model) Trainable(g *engine.Graph, o engine.TrainOptions) (params, buffers []string, err error) {
	params, buffers, err = g.Trainable(o)
	return params, buffers, m.fault(err)
}

// Infer returns what is known of each tensor of g, a graph of this model; see
// engine.Graph.Infer. Faults name the model's file.
func (m *Model) Infer(g *engine.Graph, inputs map[string]*tensor.Tensor) (map[string]*ops.Value, error) {
	values, err := g.Infer(inputs)
	return values, m.fault(err)
}

// fault names the model's file in the engine's errors.
func (m *Model) fault(err error) error {
	var many engine.Problems
	var one *ops.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many):
		named := make(engine.Problems, len(many))
		for i, e := range many {
			named[i] = m.fault(e)
		}
		return named
	case errors.As(err, &one):
		return &Error{File: m.name, Node: one.Node, Op: one.Op, Err: errors.New(one.Msg)}
	}
	return &Error{File: m.name, Err: err}
}

// graph builds the graph of a model that passed Check, with parameters that are copies of
// the model's if they may change. Attributes that cannot be used are left out and
// reported.
func (m *Model) graph(change bool) (*engine.Graph, []error) {
	b := m.filler()
	for _, v := range m.Inputs() {
		b.tensor(v.Name)
	}
	all := m.branched()
	list, err := m.parameters(all)
	if err != nil {
		b.errs = append(b.errs, err)
	}
	for _, p := range list {
		b.params[p.Name] = true
	}
	for _, name := range m.Initializers() {
		read := m.show
		if change && b.params[name] {
			read = func(p *onnxpb.TensorProto) (*tensor.Tensor, error) { return DecodeTensor(p, m.dir) }
		}
		t, err := read(m.inits[name])
		if err != nil {
			b.errs = append(b.errs, m.errorf("initializer %q: %w", name, err))
			continue
		}
		b.tensor(name).SetConstant(t, b.params[name])
	}
	for _, n := range all.nodes {
		if !b.weight(n) {
			b.node(n, all.guards[n])
		}
	}
	for _, v := range m.Outputs() {
		b.dst.MarkOutput(b.tensor(v.Name))
	}
	return b.dst, b.errs
}

// filler returns one of an empty graph.
func (m *Model) filler() *filler {
	b := &filler{m: m, dst: engine.NewGraph(), byName: map[string]*engine.Node{},
		params: map[string]bool{}, stored: map[any]string{}}
	b.dst.Until(m.context())
	b.dst.SetOpset("", int(m.Opset("")))
	for _, o := range m.proto.OpsetImport {
		b.dst.SetOpset(o.GetDomain(), int(o.GetVersion()))
	}
	return b
}

// filler makes a graph node for every name of the model.
type filler struct {
	m      *Model
	dst    *engine.Graph
	byName map[string]*engine.Node
	params map[string]bool // names of the parameters
	stored map[any]string  // those of Constant nodes, by where they are stored
	errs   []error
}

// weight makes a constant of the graph of a Constant node that holds a parameter, and
// an Identity of those that hold it again.
func (b *filler) weight(n *onnxpb.NodeProto) bool {
	s, key := constantStore(n)
	if key == nil {
		return false
	}
	if one := b.stored[key]; one != "" {
		b.node(&onnxpb.NodeProto{OpType: proto.String("Identity"), Input: []string{one}, Output: n.Output}, nil)
		return true
	}
	if !b.params[n.Output[0]] {
		return false
	}
	t, err := s.read(b.m.dir)
	if err != nil {
		b.errs = append(b.errs, &Error{File: b.m.name, Node: label(n), Op: n.GetOpType(), Err: err})
		return true
	}
	b.stored[key] = n.Output[0]
	b.tensor(n.Output[0]).SetConstant(t, true)
	return true
}

// tensor returns the graph's node for a tensor. The empty name, an operand or
// result that is left out, gets a node of its own each time.
func (b *filler) tensor(name string) *engine.Node {
	if n := b.byName[name]; n != nil {
		return n
	}
	n := b.dst.NewNode(name)
	if name != "" {
		b.byName[name] = n
	}
	return n
}

// exactCorners reports whether the model's align_corners means the fractional length, as
// the specification has it: in ONNX's own cases.
func (m *Model) exactCorners() bool { return m.proto.GetProducerName() == "backend-test" }

func (b *filler) node(n *onnxpb.NodeProto, guards []guard) {
	attrs, errs := b.m.attributes(n)
	b.errs = append(b.errs, errs...)
	if n.GetOpType() == "Resize" && b.m.exactCorners() {
		attrs[ops.ExactLength] = int64(1)
	}
	operands, results := make([]*engine.Node, len(n.Input)), make([]*engine.Node, len(n.Output))
	for i, name := range n.Input {
		operands[i] = b.tensor(name)
	}
	for i, name := range n.Output {
		results[i] = b.tensor(name)
	}
	o := engine.Operation{Name: n.GetName(), Domain: Domain(n.GetDomain()), Op: n.GetOpType(), Attrs: attrs,
		Operands: operands, Bodies: b.bodies(n)}
	if err := b.dst.Apply(o, results...); err != nil {
		b.errs = append(b.errs, &Error{File: b.m.name, Node: label(n), Op: n.GetOpType(), Err: err})
		return
	}
	for _, g := range guards {
		b.dst.Guard(results[0], b.tensor(g.condition), g.want)
	}
}
