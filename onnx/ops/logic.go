package ops

import "memprobe/internal/tensor"

// logics are the operators on booleans.
var logics = []Def{
	logic("And", both), logic("Or", either), logic("Xor", differ),
	{Op: "Not", Since: 1, NotDifferentiable: "its result is boolean", Infer: inferNot,
		Bind: func(_ *Node, e *Env) (func(), error) {
			return mapLoop(e, func(y, x []bool) {
				for i, v := range x {
					y[i] = !v
				}
			}), nil
		}},
}

// logic is an operator on booleans.
func logic(op string, f func(a, b bool) bool) Def {
	d := binary(op, 7, arith{bool: f}, nil)
	d.NotDifferentiable = "its result is boolean"
	return d
}

func both(a, b bool) bool   { return a && b }
func either(a, b bool) bool { return a || b }
func differ(a, b bool) bool { return a != b }

func inferNot(n *Node) error {
	if err := sameAs(n, 1, 1); err != nil {
		return err
	}
	if n.In[0].DType != tensor.Bool {
		return n.Errorf("input is %v, want bool", n.In[0].DType)
	}
	return nil
}
