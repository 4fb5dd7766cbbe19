package engine

import (
	"context"
	"slices"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// maxPlans is for how many shapes of its inputs the sessions of a graph are kept.
const maxPlans = 16

// plans are sessions of a graph whose inputs have other types and shapes from run to
// run, by these, the one used last first.
type plans struct {
	graph   *Graph
	options Options // all but the inputs
	kept    []*plan
	made    int // how often the graph was compiled
}

// plan is a session and the inputs that it is for.
type plan struct {
	Session
	inputs map[string]*tensor.Tensor // with elements where the session has them as constants
	values map[string]ops.Data       // those that are no tensors
}

// run computes the graph on the inputs by a session for their shapes, which it returns.
func (p *plans) run(ctx context.Context, in map[string]ops.Data, visit func(int, *tensor.Tensor)) (Session, error) {
	s, err := p.session(in)
	if err != nil {
		return nil, err
	}
	for name, d := range in {
		if t, ok := d.(*tensor.Tensor); !ok {
			SetValue(s, name, d)
		} else if into := s.Input(name); into != nil {
			into.Copy(t)
		}
	}
	return s, s.Run(ctx, visit)
}

func (p *plans) session(in map[string]ops.Data) (Session, error) {
	if i := slices.IndexFunc(p.kept, func(q *plan) bool { return q.fits(in) }); i >= 0 {
		q := p.kept[i]
		copy(p.kept[1:], p.kept[:i])
		p.kept[0] = q
		return q.Session, nil
	}
	p.kept = p.kept[:min(len(p.kept), maxPlans-1)]
	o := p.options
	o.Inputs, o.Values = map[string]*tensor.Tensor{}, map[string]ops.Data{}
	for name, d := range in {
		if t, ok := d.(*tensor.Tensor); ok {
			o.Inputs[name] = t
		} else {
			o.Values[name] = d
		}
	}
	s, err := p.graph.Compile(o)
	if err != nil {
		return nil, err
	}
	p.made++
	q := &plan{s, map[string]*tensor.Tensor{}, o.Values}
	for name, t := range o.Inputs {
		if s.Input(name) == nil {
			q.inputs[name] = t.Clone()
		} else {
			q.inputs[name] = &tensor.Tensor{DType: t.DType, Shape: slices.Clone(t.Shape)}
		}
	}
	p.kept = slices.Insert(p.kept, 0, q)
	return s, nil
}

// fits reports whether the session is for these inputs.
func (q *plan) fits(in map[string]ops.Data) bool {
	for name, d := range in {
		t, ok := d.(*tensor.Tensor)
		own := q.inputs[name]
		switch {
		case !ok && q.values[name] == nil, ok && own == nil:
			return false
		case ok && (own.DType != t.DType || !slices.Equal(own.Shape, t.Shape)):
			return false
		case ok && q.Input(name) == nil && !slices.Equal(own.Bytes(), t.Bytes()):
			return false
		}
	}
	return true
}
