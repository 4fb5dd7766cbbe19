package onnx

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// guard says that a node is of a branch: it is there if the condition has that value.
type guard struct {
	condition string
	want      bool
}

// branched is a graph whose nodes include those of the branches of every If. An If
// is then a node of the internal domain that reads its condition, the results of the
// one branch and those of the other.
type branched struct {
	nodes  []*onnxpb.NodeProto
	guards map[*onnxpb.NodeProto][]guard
}

// branched returns the nodes of flat with those of the branches, which names from
// around them are found by. Names that a branch defines begin with those of the If
// and of the branch. What is no If of two branches without inputs stays as it is.
func (m *Model) branched() *branched {
	flat, _ := m.flat()
	return branchedNodes(flat.Node)
}

func branchedNodes(nodes []*onnxpb.NodeProto) *branched {
	b := &branched{guards: map[*onnxpb.NodeProto][]guard{}}
	b.add(nodes, func(name string) string { return name }, nil)
	return b
}

func (b *branched) add(nodes []*onnxpb.NodeProto, rename func(string) string, under []guard) {
	for _, n := range nodes {
		if then, other := branchesOf(n); then != nil {
			b.choice(n, then, other, rename, under)
			continue
		}
		if under != nil {
			n = renamed(n, rename)
			b.guards[n] = under
		}
		b.nodes = append(b.nodes, n)
	}
}

// skipped reports whether a node is of a branch that is known not to be taken.
func (b *branched) skipped(n *onnxpb.NodeProto, values map[string]*ops.Value) bool {
	return slices.ContainsFunc(b.guards[n], func(g guard) bool {
		v := values[g.condition]
		return v != nil && v.Const != nil && v.Const.DType == tensor.Bool && v.Const.Len() == 1 && v.Const.Bool()[0] != g.want
	})
}

// branchesOf returns the branches of an If, or nil.
func branchesOf(n *onnxpb.NodeProto) (then, other *onnxpb.GraphProto) {
	if n.GetOpType() != "If" || Domain(n.GetDomain()) != "" || len(n.Input) != 1 || len(n.Attribute) != 2 {
		return nil, nil
	}
	for _, a := range n.Attribute {
		if a.G == nil || len(a.G.Input) > 0 || len(a.G.Output) != len(n.Output) {
			return nil, nil
		}
		switch a.GetName() {
		case "then_branch":
			then = a.G
		case "else_branch":
			other = a.G
		}
	}
	if then == nil || other == nil {
		return nil, nil
	}
	return then, other
}

// choice appends both branches of an If, and the node that chooses.
func (b *branched) choice(n *onnxpb.NodeProto, then, other *onnxpb.GraphProto,
	rename func(string) string, under []guard) {
	c := renamed(n, rename)
	c.Name, c.Domain, c.Attribute = proto.String(label(n)), proto.String(ops.Internal), nil
	condition := c.Input[0]
	for _, branch := range []struct {
		name string
		want bool
		*onnxpb.GraphProto
	}{{"then_branch", true, then}, {"else_branch", false, other}} {
		own := map[string]bool{}
		for _, t := range branch.Initializer {
			own[t.GetName()] = true
		}
		for _, inner := range branch.Node {
			for _, out := range inner.Output {
				own[out] = out != ""
			}
		}
		within := func(name string) string {
			if own[name] {
				return c.Output[0] + "/" + branch.name + "/" + name
			}
			return rename(name)
		}
		guards := append(slices.Clone(under), guard{condition, branch.want})
		for _, t := range branch.Initializer {
			constant := &onnxpb.NodeProto{OpType: proto.String("Constant"), Output: []string{within(t.GetName())},
				Attribute: []*onnxpb.AttributeProto{{Name: proto.String("value"), Type: onnxpb.AttributeProto_TENSOR.Enum(), T: t}}}
			b.nodes = append(b.nodes, constant)
			b.guards[constant] = guards
		}
		b.add(branch.Node, within, guards)
		for _, v := range branch.Output {
			c.Input = append(c.Input, within(v.GetName()))
		}
	}
	b.nodes = append(b.nodes, c)
	if under != nil {
		b.guards[c] = under
	}
}

// renamed is a node with other names of its inputs and outputs, and of what its graphs
// take from around them.
func renamed(n *onnxpb.NodeProto, rename func(string) string) *onnxpb.NodeProto {
	c := &onnxpb.NodeProto{Name: n.Name, OpType: n.OpType, Domain: n.Domain, Overload: n.Overload,
		Attribute: slices.Clone(n.Attribute)}
	for i, a := range c.Attribute {
		if a.G != nil {
			c.Attribute[i] = &onnxpb.AttributeProto{Name: a.Name, Type: a.Type, G: around(a.G, rename)}
		}
	}
	for _, name := range n.Input {
		c.Input = append(c.Input, rename(name))
	}
	for _, name := range n.Output {
		c.Output = append(c.Output, rename(name))
	}
	return c
}

// around is a graph with other names of what it takes from around it.
func around(g *onnxpb.GraphProto, rename func(string) string) *onnxpb.GraphProto {
	own := defined(g)
	within := func(name string) string {
		if own[name] {
			return name
		}
		return rename(name)
	}
	c := &onnxpb.GraphProto{Name: g.Name, Initializer: g.Initializer,
		SparseInitializer: g.SparseInitializer, Input: g.Input}
	for _, n := range g.Node {
		c.Node = append(c.Node, renamed(n, within))
	}
	for _, v := range g.Output {
		c.Output = append(c.Output, &onnxpb.ValueInfoProto{Name: proto.String(within(v.GetName())), Type: v.Type})
	}
	return c
}

// defined are the names that a graph defines, and the empty one.
func defined(g *onnxpb.GraphProto) map[string]bool {
	own := map[string]bool{"": true}
	for _, v := range g.Input {
		own[v.GetName()] = true
	}
	for _, t := range g.Initializer {
		own[t.GetName()] = true
	}
	for _, n := range g.Node {
		for _, out := range n.Output {
			own[out] = true
		}
	}
	return own
}
