package ops

import (
	"math"

	"memprobe/internal/tensor"
)

// rule builds the gradient of an operand, in the shape of the result.
type rule func(b *Builder, n *Node, dy *Value) *Value

// gradOf is the gradient of an operator with broadcasting, a rule an operand.
func gradOf(rules ...rule) func(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	return func(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
		out := make([]*Value, len(n.In))
		for i, v := range n.In {
			if r := rules[min(i, len(rules)-1)]; want[i] && r != nil {
				out[i] = b.SumTo(r(b, n, dy[0]), v.Shape)
			}
		}
		return out, b.Err
	}
}

func pass(_ *Builder, _ *Node, dy *Value) *Value { return dy }

var (
	gradAdd = gradOf(pass, pass)
	gradSub = gradOf(pass, func(b *Builder, _ *Node, dy *Value) *Value { return b.Op("Neg", nil, dy) })
	gradMul = gradOf(
		func(b *Builder, n *Node, dy *Value) *Value { return b.Op("Mul", nil, dy, n.In[1]) },
		func(b *Builder, n *Node, dy *Value) *Value { return b.Op("Mul", nil, dy, n.In[0]) })
	gradDiv = gradOf(
		func(b *Builder, n *Node, dy *Value) *Value { return b.Op("Div", nil, dy, n.In[1]) },
		func(b *Builder, n *Node, dy *Value) *Value {
			return b.Op("Neg", nil, b.Op("Div", nil, b.Op("Mul", nil, dy, n.Out[0]), n.In[1]))
		})
	// y = a - b·trunc(a/b), between its jumps
	gradMod = gradOf(pass, func(b *Builder, n *Node, dy *Value) *Value {
		return b.Op("Mul", nil, dy, b.Op("Div", nil, b.Op("Sub", nil, n.Out[0], n.In[0]), n.In[1]))
	})
	gradMean = gradOf(func(b *Builder, n *Node, dy *Value) *Value {
		return b.Op("Mul", nil, dy, b.Scalar(dy, 1/float64(len(n.In))))
	})
	gradWhere = gradOf(nil,
		func(b *Builder, n *Node, dy *Value) *Value { return b.Op("Where", nil, n.In[0], dy, b.Scalar(dy, 0)) },
		func(b *Builder, n *Node, dy *Value) *Value { return b.Op("Where", nil, n.In[0], b.Scalar(dy, 0), dy) })
	gradPow = gradOf(
		func(b *Builder, n *Node, dy *Value) *Value {
			return b.Op("Mul", nil, dy, b.Op("PowGradBase", nil, n.In[0], exponent(b, n)))
		},
		func(b *Builder, n *Node, dy *Value) *Value {
			return b.Op("Mul", nil, dy, b.Op("PowGradExponent", nil, n.In[0], exponent(b, n)))
		})
)

// exponent is Pow's, in the type of the base.
func exponent(b *Builder, n *Node) *Value {
	if n.In[1].DType == n.In[0].DType {
		return n.In[1]
	}
	return b.Op("CastLike", nil, n.In[1], n.In[0])
}

// powGradBase is ∂aᵇ/∂a = b·aᵇ⁻¹.
func powGradBase[T tensor.Float](a, b T) T {
	switch b {
	case 0:
		return 0
	case 2:
		return 2 * a
	}
	return T(float64(b) * math.Pow(float64(a), float64(b)-1))
}

// powGradExponent is ∂aᵇ/∂b = aᵇ·ln a, with its limit 0 at a = 0.
func powGradExponent[T tensor.Float](a, b T) T {
	if a == 0 && b >= 0 {
		return 0
	}
	return T(math.Pow(float64(a), float64(b)) * math.Log(float64(a)))
}

// gradExtreme shares the gradient of Max and Min among the operands that attain
// the extreme.
func gradExtreme(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	y := n.Out[0]
	hits := make([]*Value, len(n.In))
	for i, v := range n.In {
		hits[i] = b.Op("CastLike", nil, b.Op("Equal", nil, v, y), y)
	}
	share := b.Op("Div", nil, dy[0], b.Op("Sum", nil, hits...))
	out := make([]*Value, len(n.In))
	for i, v := range n.In {
		if want[i] {
			out[i] = b.SumTo(b.Op("Mul", nil, share, hits[i]), v.Shape)
		}
	}
	return out, b.Err
}

// gradCast converts the gradient back; integers and booleans have none.
func gradCast(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	out := make([]*Value, len(n.In))
	if n.In[0].DType.IsFloat() && n.Out[0].DType.IsFloat() {
		out[0] = b.Op("CastLike", nil, dy[0], n.In[0])
	}
	return out, b.Err
}
