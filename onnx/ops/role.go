package ops

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
