package ops

import "memprobe/internal/tensor"

// number lists the element types that arithmetic works on. Operators on narrower
// integers are computed in 64 bits: see Def.Wide.
type number interface {
	float32 | float64 | int64 | uint64
}

// numbers picks the instance of a loop for an element type that arithmetic works on.
func numbers(n *Node, d tensor.DType, f32, f64, i64, u64 func() func()) (func(), error) {
	switch d {
	case tensor.Float32:
		return f32(), nil
	case tensor.Float64:
		return f64(), nil
	case tensor.Int64:
		return i64(), nil
	case tensor.Uint64:
		return u64(), nil
	}
	return nil, n.Errorf("element type %v is not supported", d)
}

// floatLoop picks the instance of a loop for the type of the first input, a float.
func floatLoop(n *Node, e *Env, f32, f64 func() func()) (func(), error) {
	switch e.In[0].DType {
	case tensor.Float32:
		return f32(), nil
	case tensor.Float64:
		return f64(), nil
	}
	return nil, n.Errorf("input is %v, want float32", e.In[0].DType)
}

// words picks the instance of a loop that moves elements, by their size.
func words(d tensor.DType, w8, w16, w32, w64 func() func()) func() {
	switch d.Size() {
	case 1:
		return w8()
	case 2:
		return w16()
	case 4:
		return w32()
	}
	return w64()
}

// wideInt is the type in which arithmetic on integers of type d is done: 64 bits,
// whose lower ones are those that d's own arithmetic gives.
func wideInt(d tensor.DType) tensor.DType {
	switch {
	case d.IsSigned():
		return tensor.Int64
	case d.IsUnsigned():
		return tensor.Uint64
	}
	return d
}

// wideBool is wideInt for operators that take booleans as 0 and 1.
func wideBool(d tensor.DType) tensor.DType {
	if d == tensor.Bool {
		return tensor.Uint64
	}
	return wideInt(d)
}

// wideByte is float32 for integers of eight bits, which it holds exactly.
func wideByte(d tensor.DType) tensor.DType {
	if d == tensor.Int8 || d == tensor.Uint8 {
		return tensor.Float32
	}
	return d
}

// Widen returns the nodes that compute n on wide numbers: casts of the operands
// that have the type of the first, n itself, and casts back to n's results. It
// returns n alone where that is computed in the type that it has. n must be
// inferred.
func Widen(n *Node) ([]*Node, error) {
	if n.Def.Wide == nil || len(n.In) == 0 || n.In[0] == nil {
		return []*Node{n}, nil
	}
	narrow := n.In[0].DType
	wide := n.Def.Wide(narrow)
	if wide == narrow {
		return []*Node{n}, nil
	}
	b := NewBuilder(n.Name)
	own := &Node{Name: n.Name, Op: n.Op, Domain: n.Domain, Opset: n.Opset, Attrs: n.Attrs, Def: n.Def, Stop: n.Stop}
	for _, v := range n.In {
		if v != nil && v.DType == narrow {
			v = b.Op("CastTo", Attrs{"dtype": int64(wide)}, v)
		}
		own.In = append(own.In, v)
	}
	inner := b.Nodes
	b.Nodes = nil
	for _, v := range n.Out {
		if v == nil || v.DType != narrow {
			if v != nil {
				v.Producer = own
			}
			own.Out = append(own.Out, v)
			continue
		}
		between := &Value{Name: n.Name + "/wide:" + v.Name, DType: wide, Shape: v.Shape, Producer: own}
		own.Out = append(own.Out, between)
		b.Op("CastTo", Attrs{"dtype": int64(narrow)}, between)
		if b.Err == nil {
			cast := b.Nodes[len(b.Nodes)-1]
			cast.Out[0], v.Producer = v, cast
		}
	}
	if b.Err != nil {
		return nil, b.Err
	}
	return append(append(inner, own), b.Nodes...), nil
}
