package engine

import "memprobe/onnx/ops"

// trainingMode puts nodes that behave differently in training in their training
// form, whatever form the graph has them in: BatchNormalization takes the
// statistics of the batch and moves its running statistics as PyTorch does, and
// Dropout draws. It returns, for each initialiser that holds running statistics,
// the value that it has after a step.
func (p *program) trainingMode() (map[*ops.Value]*ops.Value, error) {
	t := &ops.Training{Frozen: p.frozen, Read: map[*ops.Value]bool{}, Updated: map[*ops.Value]*ops.Value{}}
	for _, n := range p.nodes {
		for _, v := range operands(n.In) {
			t.Read[v] = true
		}
	}
	var faults Problems
	for i, n := range p.nodes {
		if n.Def.Train == nil {
			continue
		}
		trained, err := n.Def.Train(ops.NewBuilder(n.Name), n, t)
		if err == nil && trained != n {
			err = infer(trained)
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		p.nodes[i] = trained
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return t.Updated, nil
}
