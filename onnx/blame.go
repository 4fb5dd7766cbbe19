package onnx

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"memprobe/internal/onnxpb"
	"memprobe/onnx/engine"
)

// Lost is a tensor that cannot be computed, with the first fault on the way to it.
type Lost struct {
	Name string
	Err  error
}

// Blame says which of some tensors the faults in err, an error of this model's Graph,
// Compile or Infer, stand in the way of, and which are left. No tensor is lost to a
// fault that is no node's.
func (m *Model) Blame(names []string, err error) (left []string, lost []Lost) {
	faults := faultsOf(err)
	cause := m.spread(nil, func(n *onnxpb.NodeProto) error {
		i := slices.IndexFunc(faults, func(f *Error) bool { return m.within(n, f.Node) })
		if i < 0 {
			return nil
		}
		return faults[i]
	})
	for _, name := range names {
		if cause[name] == nil {
			left = append(left, name)
		} else {
			lost = append(lost, Lost{name, cause[name]})
		}
	}
	return left, lost
}

// spread returns the tensors that cannot be computed, and why: those of tensors, those
// of the nodes that broken finds a fault of, and all that are computed from these.
func (m *Model) spread(tensors map[string]error, broken func(n *onnxpb.NodeProto) error) map[string]error {
	cause := map[string]error{}
	maps.Copy(cause, tensors)
	open := slices.Sorted(maps.Keys(cause))
	spoil := func(n *onnxpb.NodeProto, err error) {
		for _, out := range n.Output {
			if out != "" && cause[out] == nil {
				cause[out] = err
				open = append(open, out)
			}
		}
	}
	readers := map[string][]*onnxpb.NodeProto{}
	for _, n := range m.Nodes() {
		for _, in := range reads(n) {
			readers[in] = append(readers[in], n)
		}
		if err := broken(n); err != nil {
			spoil(n, err)
		}
	}
	for len(open) > 0 {
		name := open[0]
		open = open[1:]
		for _, n := range readers[name] {
			spoil(n, cause[name])
		}
	}
	return cause
}

// faultsOf lists the faults of nodes in an error.
func faultsOf(err error) []*Error {
	var all []*Error
	many, ok := errors.AsType[engine.Problems](err)
	if !ok {
		many = engine.Problems{err}
	}
	for _, e := range many {
		if f, ok := errors.AsType[*Error](e); ok && f.Node != "" {
			all = append(all, f)
		}
	}
	return all
}

// within reports whether a node's name, as errors have it, is that of n, or of a node
// of the function that n calls or of a branch of n.
func (m *Model) within(n *onnxpb.NodeProto, name string) bool {
	if name == label(n) || m.calls(n) && strings.HasPrefix(name, label(n)+"/") {
		return true
	}
	for _, a := range n.Attribute {
		for _, g := range subgraphs(a) {
			inner := func(n *onnxpb.NodeProto) bool { return m.within(n, name) }
			if len(n.Output) > 0 && strings.HasPrefix(name, n.Output[0]+"/") || slices.ContainsFunc(g.Node, inner) {
				return true
			}
		}
	}
	return false
}
