package onnx

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
)

// sharing tells which weights of PyTorch's exporter are one. What it folds (transposed
// weights, slopes of PRelu) it folds anew for every call of a module, and then merges
// the equal results as it merges all that are equal. Since PyTorch 1.13 the names of
// nodes tell: "/block/fc_1/MatMul" is that of the second call of "/block/fc".
type sharing struct {
	reader map[string]string    // by tensor, the node that reads it first, as the first call names it
	first  map[string]string    // by weight, the first of those that held the same numbers
	weight map[[2]string]string // by that and the reader
}

func (m *Model) sharing() *sharing {
	s := &sharing{map[string]string{}, map[string]string{}, map[[2]string]string{}}
	modules := map[string]bool{}
	for _, n := range m.proto.Graph.Node {
		modules[path.Dir(n.GetName())] = true
	}
	for _, n := range m.proto.Graph.Node {
		module, op := path.Split(n.GetName())
		module = strings.TrimSuffix(module, "/")
		if called := strings.TrimRight(module, "0123456789"); called != module && strings.HasSuffix(called, "_") &&
			modules[called[:len(called)-1]] {
			module = called[:len(called)-1]
		}
		for _, in := range n.Input {
			if s.reader[in] == "" && module != "" {
				s.reader[in] = module + "/" + op
			}
		}
	}
	return s
}

// tied returns the weight that name, an Identity of the weight of, is in another call;
// "" if it is a weight of its own.
func (s *sharing) tied(name, of string) string {
	first := cmp.Or(s.first[of], of)
	s.first[name] = first
	s.weight[[2]string{first, s.reader[first]}] = first
	key := [2]string{first, s.reader[name]}
	if w := s.weight[key]; w != "" && key[1] != "" && strings.HasPrefix(name, "onnx::") {
		return w
	}
	s.weight[key] = name
	return ""
}

// readAs lets a node and its subgraphs read tensors by other names.
func readAs(n *onnxpb.NodeProto, names map[string]string) {
	for i, in := range n.Input {
		n.Input[i] = cmp.Or(names[in], in)
	}
	for _, a := range n.Attribute {
		for _, g := range subgraphs(a) {
			for _, inner := range g.Node {
				readAs(inner, names)
			}
		}
	}
}

// tieTransposed makes of every folded matrix that is the transpose of a weight a node
// again. The exporter keeps a weight under its own name only where it is also read as
// it is, so that both are one. Matrices of one number throughout prove nothing.
func (m *Model) tieTransposed() error {
	g := m.proto.Graph
	var folded, named []*onnxpb.TensorProto
	for _, t := range g.Initializer {
		switch {
		case len(t.Dims) != 2 || DataType(t.GetDataType()) != onnxpb.TensorProto_FLOAT:
		case strings.HasPrefix(t.GetName(), "onnx::"):
			folded = append(folded, t)
		default:
			named = append(named, t)
		}
	}
	gone := map[string]bool{}
	for _, f := range folded {
		for _, w := range named {
			same, err := m.transposed(f, w)
			if err != nil {
				return err
			}
			if same {
				node := &onnxpb.NodeProto{Name: f.Name, OpType: proto.String("Transpose"), Input: []string{w.GetName()},
					Output: []string{f.GetName()}}
				g.Node = slices.Insert(g.Node, 0, node)
				gone[f.GetName()] = true
				delete(m.inits, f.GetName())
				break
			}
		}
	}
	g.Initializer = slices.DeleteFunc(g.Initializer, func(t *onnxpb.TensorProto) bool { return gone[t.GetName()] })
	g.Input = slices.DeleteFunc(g.Input, func(v *onnxpb.ValueInfoProto) bool { return gone[v.GetName()] })
	return nil
}

// transposed reports whether a matrix is the transpose of another and not of one
// number throughout.
func (m *Model) transposed(a, b *onnxpb.TensorProto) (bool, error) {
	if a.Dims[0] != b.Dims[1] || a.Dims[1] != b.Dims[0] {
		return false, nil
	}
	x, err := m.Initializer(a.GetName())
	if err != nil {
		return false, err
	}
	y, err := m.Initializer(b.GetName())
	if err != nil {
		return false, err
	}
	rows, columns, varies := x.Shape[0], x.Shape[1], false
	for i := range rows {
		for j := range columns {
			v := x.F32()[i*columns+j]
			if v != y.F32()[j*rows+i] {
				return false, nil
			}
			varies = varies || v != x.F32()[0]
		}
	}
	return varies, nil
}
