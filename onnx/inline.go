package onnx

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/memory"
	"memprobe/internal/onnxpb"
)

const (
	// maxCalls is how deep functions may call each other.
	maxCalls = 32
	// maxInlined bounds what the calls of a small hostile file can expand to.
	maxInlined = 2 * maxNodes
)

// flat returns the graph with every call of a local function replaced by the
// function's nodes, under names that start with the calling node's. Without
// functions it is the graph itself.
func (m *Model) flat() (*onnxpb.GraphProto, []error) {
	if len(m.proto.Functions) == 0 {
		return m.proto.Graph, nil
	}
	in := &inliner{m: m, functions: map[function]*onnxpb.FunctionProto{}}
	for _, f := range m.proto.Functions {
		in.functions[function{Domain(f.GetDomain()), f.GetName(), f.GetOverload()}] = f
	}
	g := m.proto.Graph
	in.expand(g.Node, frame{})
	return &onnxpb.GraphProto{
		Node: in.nodes, Name: g.Name, Input: g.Input, Output: g.Output,
		Initializer: g.Initializer, SparseInitializer: g.SparseInitializer,
	}, in.errs
}

// function identifies a local function.
type function struct{ domain, name, overload string }

type inliner struct {
	m         *Model
	functions map[function]*onnxpb.FunctionProto
	nodes     []*onnxpb.NodeProto
	work      int // nodes and names made so far
	errs      []error
}

// frame is what a function's body means at one call.
type frame struct {
	prefix string                            // of names that the body defines; none in a graph within it
	names  map[string]string                 // formal to actual inputs and outputs
	attrs  map[string]*onnxpb.AttributeProto // actual attributes
	depth  int
}

func (f frame) name(formal string) string {
	if actual, ok := f.names[formal]; ok || formal == "" {
		return actual
	}
	return f.prefix + formal
}

func (in *inliner) expand(nodes []*onnxpb.NodeProto, f frame) {
	for _, n := range nodes {
		if f.depth > 0 {
			n = f.instance(n)
		}
		body := in.functions[function{Domain(n.GetDomain()), n.GetOpType(), n.GetOverload()}]
		if body == nil {
			in.nodes = append(in.nodes, in.within(n, f))
		} else if err := in.call(n, body, f.depth+1); err != nil {
			in.errs = append(in.errs, &Error{File: in.m.name, Node: label(n), Op: n.GetOpType(), Err: err})
		}
	}
}

// within is a node whose graphs have their calls of functions replaced likewise.
func (in *inliner) within(n *onnxpb.NodeProto, f frame) *onnxpb.NodeProto {
	if !slices.ContainsFunc(n.Attribute, func(a *onnxpb.AttributeProto) bool { return a.G != nil }) {
		return n
	}
	c := &onnxpb.NodeProto{Name: n.Name, OpType: n.OpType, Domain: n.Domain, Overload: n.Overload, Input: n.Input,
		Output: n.Output, Attribute: slices.Clone(n.Attribute)}
	for i, a := range c.Attribute {
		if a.G != nil {
			c.Attribute[i] = &onnxpb.AttributeProto{Name: a.Name, Type: a.Type, G: in.graph(a.G, f)}
		}
	}
	return c
}

// graph is a graph within a body as one call has it: names that it defines stay.
func (in *inliner) graph(g *onnxpb.GraphProto, f frame) *onnxpb.GraphProto {
	inner := frame{names: map[string]string{}, attrs: f.attrs, depth: f.depth}
	for name := range defined(g) {
		inner.names[name] = name
	}
	for _, name := range captures(g) {
		inner.names[name] = f.name(name)
	}
	for _, n := range g.Node {
		in.work += 1 + len(n.Input) + len(n.Output)
	}
	c := &onnxpb.GraphProto{Name: g.Name, Initializer: g.Initializer,
		SparseInitializer: g.SparseInitializer, Input: g.Input}
	if in.work > maxInlined {
		in.errs = append(in.errs, in.m.errorf("the model's functions are called too often"))
		return c
	}
	outer := in.nodes
	in.nodes = nil
	in.expand(g.Node, inner)
	c.Node, in.nodes = in.nodes, outer
	for _, v := range g.Output {
		c.Output = append(c.Output, &onnxpb.ValueInfoProto{Name: proto.String(inner.name(v.GetName())), Type: v.Type})
	}
	return c
}

// call appends the nodes of a function's body for the node n that calls it.
func (in *inliner) call(n *onnxpb.NodeProto, body *onnxpb.FunctionProto, depth int) error {
	if depth > maxCalls {
		return errors.New("functions call each other in a circle or too deep")
	}
	for _, inner := range body.Node {
		in.work += 1 + len(inner.Input) + len(inner.Output)
	}
	if in.work++; in.work > maxInlined {
		return errors.New("the model's functions are called too often")
	}
	if err := memory.Need("the nodes of the functions", names(label(n), body)); err != nil {
		return err
	}
	if len(n.Input) > len(body.Input) || len(n.Output) > len(body.Output) {
		return fmt.Errorf("has %d inputs and %d outputs, the function %d and %d",
			len(n.Input), len(n.Output), len(body.Input), len(body.Output))
	}
	for _, o := range body.OpsetImport {
		if v := in.m.Opset(o.GetDomain()); v != 0 && v != o.GetVersion() {
			return fmt.Errorf("the function uses opset %d of domain %q, the model %d", o.GetVersion(), o.GetDomain(), v)
		}
	}
	f := frame{prefix: label(n) + "/", names: map[string]string{},
		attrs: map[string]*onnxpb.AttributeProto{}, depth: depth}
	for i, formal := range body.Input {
		f.names[formal] = ""
		if i < len(n.Input) {
			f.names[formal] = n.Input[i]
		}
	}
	for i, formal := range body.Output {
		if i >= len(n.Output) || n.Output[i] == "" {
			continue
		}
		if actual, ok := f.names[formal]; ok { // an input is handed through
			in.nodes = append(in.nodes, &onnxpb.NodeProto{OpType: proto.String("Identity"), Input: []string{actual},
				Output: n.Output[i : i+1]})
			continue
		}
		f.names[formal] = n.Output[i]
	}
	for _, a := range append(body.AttributeProto[:len(body.AttributeProto):len(body.AttributeProto)], n.Attribute...) {
		f.attrs[a.GetName()] = a // the call's come after the defaults
	}
	in.expand(body.Node, f)
	return nil
}

// names is how many bytes the names of a body's nodes and tensors take under the
// name of the node that calls it.
func names(prefix string, body *onnxpb.FunctionProto) (bytes int64) {
	for _, n := range body.Node {
		bytes += int64(len(prefix) + len(label(n)))
		for _, list := range [][]string{n.Input, n.Output} {
			for _, name := range list {
				bytes += int64(len(prefix) + len(name))
			}
		}
	}
	return bytes
}

// instance is a node of a function's body as one call has it.
func (f frame) instance(n *onnxpb.NodeProto) *onnxpb.NodeProto {
	c := &onnxpb.NodeProto{
		Name: proto.String(f.prefix + label(n)), OpType: n.OpType, Domain: n.Domain, Overload: n.Overload,
		Input: make([]string, len(n.Input)), Output: make([]string, len(n.Output)),
	}
	for i, name := range n.Input {
		c.Input[i] = f.name(name)
	}
	for i, name := range n.Output {
		c.Output[i] = f.name(name)
	}
	for _, a := range n.Attribute { // graphs are for within to instantiate
		if a.GetRefAttrName() == "" {
			c.Attribute = append(c.Attribute, a)
		} else if actual := f.attrs[a.GetRefAttrName()]; actual != nil {
			c.Attribute = append(c.Attribute, &onnxpb.AttributeProto{ // the elements stay where they are stored
				Name: a.Name, Type: actual.Type, F: actual.F, I: actual.I, S: actual.S, T: actual.T, G: actual.G,
				Floats: actual.Floats, Ints: actual.Ints, Strings: actual.Strings, Tensors: actual.Tensors, Graphs: actual.Graphs,
				SparseTensor: actual.SparseTensor, SparseTensors: actual.SparseTensors, Tp: actual.Tp,
				TypeProtos: actual.TypeProtos,
			})
		}
	}
	return c
}
