package ops

import "memprobe/internal/tensor"

// bits are the operators on the bits of integers.
var bits = []Def{
	bitwise("BitwiseAnd", func(a, b int64) int64 { return a & b }, func(a, b uint64) uint64 { return a & b }),
	bitwise("BitwiseOr", func(a, b int64) int64 { return a | b }, func(a, b uint64) uint64 { return a | b }),
	bitwise("BitwiseXor", func(a, b int64) int64 { return a ^ b }, func(a, b uint64) uint64 { return a ^ b }),
	{Op: "BitwiseNot", Since: 18, InPlace: true, Wide: wideInt, NotDifferentiable: ofBits, Infer: func(n *Node) error {
		if err := sameAs(n, 1, 1); err != nil {
			return err
		}
		return n.integers()
	}, Bind: func(n *Node, e *Env) (func(), error) {
		whole := func() func() { return mapLoop(e, eachWhole(func(x int64) int64 { return ^x })) }
		return numbers(n, e.In[0].DType, nil, nil, whole,
			func() func() { return mapLoop(e, eachWhole(func(x uint64) uint64 { return ^x })) })
	}},
	{Op: "BitShift", Since: 11, Attributes: "direction:s!",
		Wide: wideInt, NotDifferentiable: ofBits, Infer: func(n *Node) error {
			if d := n.Str("direction", ""); d != "LEFT" && d != "RIGHT" {
				return n.Errorf("direction is %q, want LEFT or RIGHT", d)
			}
			if err := bitwise("", nil, nil).Infer(n); err != nil {
				return err
			}
			if !n.In[0].DType.IsUnsigned() {
				return n.Errorf("inputs are %v, want unsigned integers", n.In[0].DType)
			}
			return nil
		}, Bind: func(n *Node, e *Env) (func(), error) {
			shift := func(a, b uint64) uint64 { return a << b }
			if n.Str("direction", "") == "RIGHT" {
				shift = func(a, b uint64) uint64 { return a >> b }
			}
			return arith{u64: shift}.bind(n, e, e.In[0], e.In[1], e.Out[0])
		}},
	{Op: "BitCast", Since: 26, Attributes: "to:i!", NotDifferentiable: ofBits, Infer: func(n *Node) error {
		if err := n.Want(1, 1); err != nil {
			return err
		}
		to := castTypes[n.Int("to", 0)]
		if to.dtype.Size() != n.In[0].DType.Size() || to.round != nil {
			return n.Errorf("the bits of %v cannot be read as element type number %d", n.In[0].DType, n.Int("to", 0))
		}
		return n.SetOut(0, to.dtype, n.In[0].Shape)
	}, Bind: func(_ *Node, e *Env) (func(), error) {
		return func() { copy(e.Out[0].Bytes(), e.In[0].Bytes()) }, nil
	}},
}

const ofBits = "it works on bits"

// bitwise is an operator on the bits of two integers.
func bitwise(op string, i64 func(a, b int64) int64, u64 func(a, b uint64) uint64) Def {
	d := binary(op, 18, arith{i64: i64, u64: u64}, nil)
	d.NotDifferentiable = ofBits
	d.Infer = func(n *Node) error {
		if err := n.Want(2, 2); err != nil {
			return err
		}
		if n.In[0].DType != n.In[1].DType {
			return n.Errorf("inputs are %v and %v, want one type", n.In[0].DType, n.In[1].DType)
		}
		if err := n.integers(); err != nil {
			return err
		}
		shape, err := broadcastShape(n, n.In[0].Shape, n.In[1].Shape)
		if err != nil {
			return err
		}
		return n.SetOut(0, n.In[0].DType, shape)
	}
	return d
}

// integers checks that the first input is of integers.
func (n *Node) integers() error {
	if d := n.In[0].DType; wideInt(d) != tensor.Int64 && wideInt(d) != tensor.Uint64 {
		return n.Errorf("input is %v, want integers", d)
	}
	return nil
}
