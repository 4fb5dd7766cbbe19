package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
)

// maxProblems is how many faults of one model are worth reading.
const maxProblems = 100

// Check returns every structural fault of the model, an Error of one line each:
// versions that memprobe does not read, malformed or unsupported initialisers,
// inputs that are no tensors, names that are missing, undefined or computed
// twice, attributes that are not what they claim, cycles. Subgraphs are checked
// with the names that they see, local functions as they are called. Whether the operators exist and fit their
// operands is for Inspect to say.
func (m *Model) Check() []error {
	c := &checker{m: m, seen: map[string]bool{}}
	c.versions()
	g, errs := m.flat()
	c.errs = append(c.errs, errs...)
	if len(g.Node) == 0 {
		c.addf("graph has no nodes")
	}
	if len(g.Output) == 0 {
		c.addf("graph has no outputs")
	}
	for _, v := range g.Input {
		c.input(v)
	}
	c.graph(g, nil)
	c.domains()
	if extra := len(c.errs) - maxProblems; extra > 0 {
		c.errs = c.errs[:maxProblems]
		c.addf("and %d more problems", extra)
	}
	return c.errs
}

type checker struct {
	m    *Model
	errs []error
	// used holds the operator domains of the nodes, in order of appearance; seen
	// those and no others.
	used []string
	seen map[string]bool
}

func (c *checker) addf(format string, args ...any) {
	c.errs = append(c.errs, c.m.errorf(format, args...))
}

func (c *checker) nodef(n *onnxpb.NodeProto, format string, args ...any) {
	c.errs = append(c.errs, &Error{File: c.m.name, Node: label(n), Op: n.GetOpType(), Err: fmt.Errorf(format, args...)})
}

// label is a node's name, or its first output's where it has none.
func label(n *onnxpb.NodeProto) string {
	if n.GetName() != "" || len(n.Output) == 0 {
		return n.GetName()
	}
	return n.Output[0]
}

func (c *checker) versions() {
	if v := c.m.IRVersion(); v < 1 || v > MaxIRVersion {
		c.addf("IR version is %d, want 1 to %d", v, MaxIRVersion)
	}
	if len(c.m.proto.OpsetImport) == 0 && c.m.IRVersion() >= 3 {
		c.addf("no opset is imported; IR version %d wants at least one", c.m.IRVersion())
	}
	for _, o := range c.m.proto.OpsetImport {
		d := Domain(o.GetDomain())
		if v := c.m.Opset(d); v != o.GetVersion() {
			c.addf("opset of domain %q is imported twice, as %d and %d", d, v, o.GetVersion())
		}
		if v := o.GetVersion(); d == "" && (v < 1 || v > MaxOpset) {
			c.addf("opset is %d, want 1 to %d", v, MaxOpset)
		}
	}
}

// domains checks that what the nodes use is imported.
func (c *checker) domains() {
	for _, d := range c.used {
		if c.m.Opset(d) == 0 && len(c.m.proto.OpsetImport) > 0 {
			c.addf("nodes of domain %q, whose opset is not imported", d)
		}
	}
}

func (c *checker) input(v *onnxpb.ValueInfoProto) {
	if c.m.IsInitializer(v.GetName()) {
		return
	}
	if v.GetType().GetValue() == nil {
		c.addf("input %q has no type", v.GetName())
		return
	}
	t, _ := innermost(v.GetType())
	if t == nil {
		c.addf("input %q is no tensor, nor a sequence of tensors", v.GetName())
	} else if e := DataType(t.GetElemType()); DType(e) == tensor.Invalid {
		c.addf("input %q: element type %v is not supported", v.GetName(), e)
	}
}

// scope holds the names that a graph defines, with the node that computes each;
// -1 for inputs and initialisers.
type scope struct {
	producer map[string]int
	outer    *scope
}

func (s *scope) sees(name string) bool {
	for ; s != nil; s = s.outer {
		if _, ok := s.producer[name]; ok {
			return true
		}
	}
	return false
}

func (c *checker) graph(g *onnxpb.GraphProto, outer *scope) {
	s := c.define(g, outer)
	for _, n := range g.Node {
		c.node(n, s)
	}
	for _, v := range g.Output {
		if !s.sees(v.GetName()) {
			c.addf("graph output %q is computed by no node", v.GetName())
		}
	}
	c.cycles(g, s)
}

// define collects the names of a graph and reports those that are missing or
// given twice. An initialiser may also be listed as an input.
func (c *checker) define(g *onnxpb.GraphProto, outer *scope) *scope {
	s := &scope{producer: map[string]int{}, outer: outer}
	for _, v := range g.Input {
		if _, ok := s.producer[v.GetName()]; ok {
			c.addf("two inputs are called %q", v.GetName())
		}
		s.producer[v.GetName()] = -1
	}
	inits := map[string]bool{}
	for _, t := range g.Initializer {
		name := t.GetName()
		if name == "" {
			c.addf("an initializer has no name")
		}
		if inits[name] {
			c.addf("two initializers are called %q", name)
		}
		inits[name], s.producer[name] = true, -1
		if _, err := layoutOf(t, c.m.dir); err != nil {
			c.addf("initializer %q: %w", name, err)
		}
	}
	for _, t := range g.SparseInitializer {
		c.addf("initializer %q: sparse tensors are not supported", t.GetValues().GetName())
		s.producer[t.GetValues().GetName()] = -1
	}
	for i, n := range g.Node {
		if !slices.ContainsFunc(n.Output, func(o string) bool { return o != "" }) {
			c.nodef(n, "has no outputs")
		}
		for _, out := range n.Output {
			if out == "" {
				continue
			}
			if j, ok := s.producer[out]; ok && j >= 0 {
				c.nodef(n, "output %q is also computed by node %q", out, label(g.Node[j]))
			} else if ok {
				c.nodef(n, "output %q is also an input or initializer of the graph", out)
			} else {
				s.producer[out] = i
			}
		}
	}
	return s
}

func (c *checker) node(n *onnxpb.NodeProto, s *scope) {
	if n.GetOpType() == "" {
		c.nodef(n, "has no operator")
	}
	if d := Domain(n.GetDomain()); !c.seen[d] {
		c.used, c.seen[d] = append(c.used, d), true
	}
	for i, in := range n.Input {
		if in != "" && !s.sees(in) {
			c.nodef(n, "input %d, %q, is computed by no node", i, in)
		}
	}
	seen := map[string]bool{}
	for _, a := range n.Attribute {
		if seen[a.GetName()] {
			c.nodef(n, "attribute %q is given twice", a.GetName())
		}
		seen[a.GetName()] = true
		if err := checkAttribute(a, c.m.IRVersion()); err != nil {
			c.nodef(n, "attribute %q %w", a.GetName(), err)
			continue
		}
		if a.T != nil {
			if _, err := layoutOf(a.T, c.m.dir); err != nil {
				c.nodef(n, "attribute %q: %w", a.GetName(), err)
			}
		}
		for _, g := range subgraphs(a) {
			c.graph(g, s)
		}
	}
}

func subgraphs(a *onnxpb.AttributeProto) []*onnxpb.GraphProto {
	if a.G != nil {
		return append([]*onnxpb.GraphProto{a.G}, a.Graphs...)
	}
	return a.Graphs
}

// ordered reports whether each node comes after those that it needs: most files are so.
func (s *scope) ordered(g *onnxpb.GraphProto) bool {
	for i, n := range g.Node {
		if slices.ContainsFunc(reads(n), func(in string) bool { j, ok := s.producer[in]; return ok && j >= i }) {
			return false
		}
	}
	return true
}

// cycles reports the nodes that wait for each other.
func (c *checker) cycles(g *onnxpb.GraphProto, s *scope) {
	if s.ordered(g) {
		return
	}
	d := simple.NewDirectedGraph()
	for i := range g.Node {
		d.AddNode(simple.Node(i))
	}
	for i, n := range g.Node {
		for _, in := range reads(n) {
			j, ok := s.producer[in]
			if !ok || j < 0 {
				continue
			}
			if j == i {
				c.nodef(n, "has its own output %q as input", in)
				continue
			}
			d.SetEdge(d.NewEdge(simple.Node(j), simple.Node(i)))
		}
	}
	var unorderable topo.Unorderable
	if _, err := topo.Sort(d); !errors.As(err, &unorderable) {
		return
	}
	for _, cycle := range unorderable {
		var names []string
		for _, n := range cycle {
			names = append(names, fmt.Sprintf("%q", label(g.Node[n.ID()])))
		}
		slices.Sort(names)
		if extra := len(names) - 8; extra > 0 {
			names = append(names[:8], fmt.Sprintf("and %d more", extra))
		}
		c.addf("nodes %s form a cycle", strings.Join(names, ", "))
	}
}

// reads returns the names that a node needs: its inputs, and what its subgraphs
// take from around them.
func reads(n *onnxpb.NodeProto) []string {
	names := slices.DeleteFunc(slices.Clone(n.Input), func(in string) bool { return in == "" })
	for _, a := range n.Attribute {
		for _, g := range subgraphs(a) {
			names = append(names, captures(g)...)
		}
	}
	return names
}

// captures returns the names that a subgraph uses and does not define.
func captures(g *onnxpb.GraphProto) []string {
	own := defined(g)
	var used []string
	for _, n := range g.Node {
		used = append(used, reads(n)...)
	}
	for _, v := range g.Output {
		used = append(used, v.GetName())
	}
	return slices.DeleteFunc(used, func(name string) bool { return own[name] })
}
