package onnx

import (
	"slices"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
	"memprobe/onnx/ops"
)

// isBody reports whether an attribute of a node is a graph that the node repeats.
func isBody(n *onnxpb.NodeProto, a *onnxpb.AttributeProto) bool {
	return Domain(n.GetDomain()) == "" && a.G != nil && ops.Bodies[n.GetOpType()] == a.GetName()
}

// bodies returns the graphs that a node repeats, by attribute.
func (b *filler) bodies(n *onnxpb.NodeProto) map[string]*engine.Body {
	var all map[string]*engine.Body
	for _, a := range n.Attribute {
		if isBody(n, a) {
			all = map[string]*engine.Body{a.GetName(): b.body(a.G)}
		}
	}
	return all
}

// body is a graph within this one.
func (b *filler) body(g *onnxpb.GraphProto) *engine.Body {
	in := b.m.filler()
	body := &engine.Body{Graph: in.dst}
	own := map[string]bool{"": true}
	for _, v := range g.Input {
		in.tensor(v.GetName())
		own[v.GetName()] = true
		if !slices.ContainsFunc(g.Initializer, func(t *onnxpb.TensorProto) bool { return t.GetName() == v.GetName() }) {
			body.Inputs = append(body.Inputs, v.GetName())
		}
	}
	for _, p := range g.Initializer {
		own[p.GetName()] = true
		t, err := b.m.show(p)
		if err != nil {
			b.errs = append(b.errs, b.m.errorf("initializer %q: %w", p.GetName(), err))
			continue
		}
		in.tensor(p.GetName()).SetConstant(t, false)
	}
	all := branchedNodes(g.Node)
	for _, n := range all.nodes {
		for _, out := range n.Output {
			own[out] = true
		}
		in.node(n, all.guards[n])
	}
	b.errs = append(b.errs, in.errs...)
	capture := func(name string) {
		if !own[name] {
			own[name] = true
			in.tensor(name)
			body.Captures = append(body.Captures, b.tensor(name))
		}
	}
	for _, n := range all.nodes {
		for _, name := range reads(n) {
			capture(name)
		}
	}
	for _, v := range g.Output {
		capture(v.GetName())
		in.dst.MarkOutput(in.tensor(v.GetName()))
		body.Types = append(body.Types, declared(v))
	}
	return body
}

// declared is the type and shape that the file gives a tensor, open sizes being 0.
func declared(v *onnxpb.ValueInfoProto) tensor.Tensor {
	of := value(v)
	t := tensor.Tensor{DType: of.DType()}
	for _, d := range of.Shape {
		t.Shape = append(t.Shape, max(d.Size, 0))
	}
	return t
}
