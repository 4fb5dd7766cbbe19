package ops

import "memprobe/internal/tensor"

// Role is what a parameter is for.
type Role string

// The roles.
const (
	ConvWeight Role = "convolution" // of Conv or ConvTranspose
	Matrix     Role = "matrix"      // of a product
	Bias       Role = "bias"        // added or subtracted along one axis
	Scale      Role = "scale"       // multiplied or divided by
	Mean       Role = "running mean"
	Variance   Role = "running variance"
	Slope      Role = "slope"     // of a PRelu
	Embedding  Role = "embedding" // added along several axes, joined, or gathered from
	Recurrent  Role = "recurrent" // of an LSTM, GRU or RNN, biases too
	Quantised  Role = "quantised" // integers that stand for a weight; they are not trained
	Other      Role = "other"

	// Added is what an addition makes of its operand: Bias if that lies along one axis,
	// else Embedding.
	Added Role = "added"
)

// Role is what a constant is for as an operator's operand number arg, where others are
// data; "" for nothing that training moves.
func (d *Def) Role(arg int) Role {
	if len(d.Roles) == 0 {
		return ""
	}
	return d.Roles[min(arg, len(d.Roles)-1)]
}

// Fan is the number of results that one operand of a convolution adds to (of its
// group), or of operands that one result of a product sums; the hidden size of a recurrent
// layer. That is what rules of initialisation ask of operand number arg of n, of the given
// shape; 0 where it is no weight. Of n, the operator and the attributes are read alone.
func (n *Node) Fan(arg int, shape []int) int {
	role := n.Def.Role(arg)
	switch size := tensor.Len(shape); {
	case n.Def.Fan != nil:
		return n.Def.Fan(n, arg, shape)
	case role == ConvWeight && len(shape) > 2 && size > 0: // [M, C/group, kernel…]
		return max(1, size/shape[1]/max(1, n.Int("group", 1)))
	case role == Matrix && len(shape) == 1:
		return shape[0]
	case role == Matrix && len(shape) > 1:
		return shape[n.summedAxis(arg, len(shape))]
	}
	return 0
}

// summedAxis is the axis of the matrix that is operand number arg of a product, over which
// it sums.
func (n *Node) summedAxis(arg, rank int) int {
	last := arg == 0
	if n.Int([]string{"transA", "transB"}[min(arg, 1)], 0) != 0 {
		last = !last
	}
	if last {
		return rank - 1
	}
	return rank - 2
}

// Layer reports whether an operator reads data and weights of its own, unlike arithmetic,
// whose operands may be either.
func (d *Def) Layer() bool {
	return len(d.Roles) > 0 && (d.Roles[0] == "" || d.Roles[0] == Matrix)
}

// weighted is a definition of an operator that mixes features by weights.
func weighted(d Def, roles ...Role) Def {
	d.Weighted, d.Roles = true, roles
	return d
}

// reads is a definition whose constant operands have roles.
func reads(d Def, roles ...Role) Def {
	d.Roles = roles
	return d
}
