package engine

import (
	"slices"

	"memprobe/onnx/ops"
)

// trainingMode puts nodes that behave differently in training in their training
// form, whatever form the graph has them in: BatchNormalization takes the
// statistics of the batch and moves its running statistics as PyTorch does, and
// Dropout draws. It returns, for each initialiser that holds running statistics,
// the value that it has after a step.
func (p *program) trainingMode() (map[*ops.Value]*ops.Value, error) {
	updated, read := map[*ops.Value]*ops.Value{}, map[*ops.Value]bool{}
	for _, n := range p.nodes {
		for _, v := range operands(n.In) {
			read[v] = true
		}
	}
	var faults Problems
	dropouts := int64(0)
	for i, n := range p.nodes {
		var err error
		switch {
		case fixed(n, p.frozen):
			p.nodes[i], err = fixBatchNorm(n, read)
		case n.Op == "BatchNormTrain", is(n, "BatchNormalization"):
			p.nodes[i], err = trainBatchNorm(n, read, updated)
		case is(n, "Dropout"):
			p.nodes[i], err = trainDropout(n, dropouts)
			dropouts++
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return updated, nil
}

// internal makes the node op of the internal domain that computes what n does.
func internal(n *ops.Node, op string, attrs ops.Attrs, in, out []*ops.Value) (*ops.Node, error) {
	def, err := ops.Lookup(ops.Internal, op, ops.Newest)
	if err != nil {
		return nil, err
	}
	t := &ops.Node{Name: n.Name, Op: op, Domain: ops.Internal, Opset: ops.Newest, Attrs: attrs, In: in, Out: out, Def: def}
	for _, v := range out {
		if v != nil {
			v.Producer = t
		}
	}
	return t, infer(t)
}

// fixed reports whether n normalises by frozen statistics.
func fixed(n *ops.Node, frozen map[string]bool) bool {
	return is(n, "BatchNormalization") && frozen[n.In[3].Name] && frozen[n.In[4].Name]
}

// fixBatchNorm replaces n by its form of evaluation.
func fixBatchNorm(n *ops.Node, read map[*ops.Value]bool) (*ops.Node, error) {
	if err := outputAlone(n, read); err != nil {
		return nil, err
	}
	def, err := ops.Lookup("", n.Op, ops.Newest)
	if err != nil {
		return nil, err
	}
	t := &ops.Node{Name: n.Name, Op: n.Op, Opset: ops.Newest, Attrs: ops.Attrs{"epsilon": n.Float("epsilon", 1e-5)}, In: n.In, Out: n.Out[:1], Def: def}
	t.Out[0].Producer = t
	return t, infer(t)
}

// outputAlone checks that nobody reads the statistics that n yields.
func outputAlone(n *ops.Node, read map[*ops.Value]bool) error {
	for i, v := range n.Out {
		if i > 0 && read[v] {
			return n.Errorf("output %d, %q, is read; in training only output 0 may be", i, v.Name)
		}
	}
	return nil
}

// trainBatchNorm replaces n. A buffer that several nodes share is moved by each
// in turn.
func trainBatchNorm(n *ops.Node, read map[*ops.Value]bool, updated map[*ops.Value]*ops.Value) (*ops.Node, error) {
	if err := outputAlone(n, read); err != nil {
		return nil, err
	}
	in := slices.Clone(n.In)
	for i := 3; i < 5; i++ {
		if u := updated[in[i]]; u != nil {
			in[i] = u
		}
	}
	out := []*ops.Value{n.Out[0]}
	for _, what := range []string{"mean", "invstd", "running_mean", "running_var"} {
		out = append(out, &ops.Value{Name: n.Name + "/" + what})
	}
	attrs := ops.Attrs{"epsilon": n.Float("epsilon", 1e-5), "momentum": n.Float("momentum", 0.9), "relu": int64(n.Int("relu", 0))}
	t, err := internal(n, "BatchNormTrain", attrs, in, out)
	for i := 3; i < 5; i++ {
		if n.In[i].Param {
			updated[n.In[i]] = out[i]
		}
	}
	return t, err
}

func trainDropout(n *ops.Node, id int64) (*ops.Node, error) {
	ratio, err := n.DropoutRatio()
	if err != nil || ratio == 0 || n.Out[0] == nil {
		return n, err
	}
	return internal(n, "DropoutTrain", ops.Attrs{"ratio": float32(ratio), "id": id}, n.In[:1], n.Out[:1])
}
