package onnxtest

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
)

// InConstants moves every initialiser into a Constant node before its first reader:
// the same network in another form.
func InConstants(p *onnxpb.ModelProto) {
	held := map[string]*onnxpb.TensorProto{}
	for _, t := range p.Graph.Initializer {
		held[t.GetName()] = t
	}
	var nodes []*onnxpb.NodeProto
	for _, n := range p.Graph.Node {
		for _, name := range n.Input {
			if t := held[name]; t != nil {
				nodes = append(nodes, constantNode(name, t))
				delete(held, name)
			}
		}
		nodes = append(nodes, n)
	}
	p.Graph.Node, p.Graph.Initializer = nodes, nil
}

func constantNode(name string, t *onnxpb.TensorProto) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{OpType: proto.String("Constant"), Output: []string{name},
		Attribute: []*onnxpb.AttributeProto{{Name: proto.String("value"), Type: onnxpb.AttributeProto_TENSOR.Enum(), T: t}}}
}

// InFunctions makes every node a call of a function of its own; with owned, functions
// hold the initialisers that their node reads. The network stays the same.
func InFunctions(p *onnxpb.ModelProto, owned bool) {
	held := map[string]*onnxpb.TensorProto{}
	for _, t := range p.Graph.Initializer {
		held[t.GetName()] = t
	}
	for i, n := range p.Graph.Node {
		f := &onnxpb.FunctionProto{Name: proto.String(fmt.Sprint("layer", i)), Domain: proto.String("local"),
			OpsetImport: p.OpsetImport[:1]}
		call := &onnxpb.NodeProto{OpType: f.Name, Domain: f.Domain, Name: n.Name, Output: n.Output}
		inner := proto.CloneOf(n)
		for j, name := range n.Input {
			inner.Input[j] = fmt.Sprint("in", j)
			if t := held[name]; t != nil && owned {
				f.Node = append(f.Node, constantNode(inner.Input[j], t))
				continue
			}
			f.Input, call.Input = append(f.Input, inner.Input[j]), append(call.Input, name)
		}
		for j := range n.Output {
			inner.Output[j] = fmt.Sprint("out", j)
		}
		f.Output, f.Node = inner.Output, append(f.Node, inner)
		p.Functions, p.Graph.Node[i] = append(p.Functions, f), call
	}
	p.OpsetImport = append(p.OpsetImport,
		&onnxpb.OperatorSetIdProto{Domain: proto.String("local"), Version: proto.Int64(1)})
	if owned {
		p.Graph.Initializer = nil
	}
}
