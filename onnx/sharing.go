package onnx

import (
	"cmp"
	"path"
	"strings"

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
		if called := strings.TrimRight(module, "0123456789"); called != module && strings.HasSuffix(called, "_") && modules[called[:len(called)-1]] {
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
