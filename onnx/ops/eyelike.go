package ops

import "memprobe/internal/tensor"

var eyes = []Def{{Op: "EyeLike", Since: 9, Attributes: "dtype:i k:i",
	NotDifferentiable: "its result depends on the shape alone",
	Infer:             inferEyeLike}}

// inferEyeLike computes a matrix of zeros with ones on the k-th diagonal.
func inferEyeLike(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	shape, d := n.In[0].Shape, n.In[0].DType
	if len(shape) != 2 {
		return n.Errorf("input has shape %v, want a matrix", shape)
	}
	if n.Has("dtype") {
		if d = castTypes[n.Int("dtype", 0)].dtype; d == tensor.Invalid {
			return n.Errorf("element type number %d is not supported", n.Int("dtype", 0))
		}
	}
	if err := n.SetOut(0, d, shape); err != nil {
		return err
	}
	if err := n.need("the matrix", (8+d.Size())*tensor.Len(shape)); err != nil {
		return err
	}
	eye, k := tensor.New(tensor.Float64, shape...), n.Int("k", 0)
	for i, x := 0, eye.F64(); i < shape[0]; i++ {
		if j := i + k; j >= 0 && j < shape[1] {
			x[i*shape[1]+j] = 1
		}
	}
	n.Out[0].Const = converted(eye, d)
	return nil
}
