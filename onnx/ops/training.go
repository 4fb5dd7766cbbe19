package ops

// Evaluation is how many operands and results an operator has in evaluation, at most;
// those behind them belong to training, and so do the attributes training_mode and, before
// opset 7, is_test.
type Evaluation struct{ Operands, Results int }

// Training is what the nodes of a training step share while they are put in their
// training form.
type Training struct {
	Frozen map[string]bool // initialisers that stay as they are
	Read   map[*Value]bool // values that a node of the graph reads
	// Updated has what each buffer becomes in the step, by the value that holds it before.
	Updated map[*Value]*Value

	dropouts int64 // that draw so far
}

// outputAlone checks that nobody reads the results of n but the first.
func (t *Training) outputAlone(n *Node) error {
	for i, v := range n.Out {
		if i > 0 && t.Read[v] {
			return n.Errorf("output %d, %q, is read; in training only output 0 may be", i, v.Name)
		}
	}
	return nil
}

// instead is the node op, of the internal domain or else of ONNX's, that takes n's place.
func (b *Builder) instead(n *Node, op string, attrs Attrs, in, out []*Value) (*Node, error) {
	domain := Internal
	def, err := b.find(domain, op, Newest)
	if err != nil {
		domain = ""
		def, err = b.find(domain, op, Newest)
	}
	if err != nil {
		return nil, err
	}
	t := &Node{Name: n.Name, Op: op, Domain: domain, Opset: Newest, Attrs: attrs, In: in, Out: out, Def: def}
	for _, v := range out {
		if v != nil {
			v.Producer = t
		}
	}
	return t, nil
}
