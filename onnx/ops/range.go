package ops

import "memprobe/internal/tensor"

var ranges = []Def{{Op: "Range", Since: 11, Attributes: "; 27 stash_type:i", Infer: inferRange, Bind: bindRange,
	NotDifferentiable: "its result decides shapes"}}

func inferRange(n *Node) error {
	if err := n.Want(3, 3); err != nil {
		return err
	}
	for i := range 3 {
		v := n.In[i]
		if v.Len() != 1 || v.DType != n.In[0].DType {
			return n.Errorf("start, limit and delta must be scalars of one type")
		}
		if v.Const == nil {
			return n.Unknown(v, "start, limit and delta")
		}
	}
	lo, hi, by := n.In[0].Const.Number(0), n.In[1].Const.Number(0), n.In[2].Const.Number(0)
	if by == 0 {
		return n.Errorf("delta is 0")
	}
	count := (hi - lo) / by
	if !(count <= 1<<30) { // nor a NaN
		return n.Errorf("range from %v to %v by %v is too long", lo, hi, by)
	}
	size := int(count)
	if float64(size) < count {
		size++
	}
	if n.In[0].DType == tensor.Int64 { // whose numbers a float64 may not hold
		length, step := n.In[1].Const.I64()[0]-n.In[0].Const.I64()[0], n.In[2].Const.I64()[0]
		if size = int(length / step); length%step != 0 && (length > 0) == (step > 0) {
			size++
		}
	}
	return n.SetOut(0, n.In[0].DType, []int{max(size, 0)})
}

func bindRange(n *Node, e *Env) (func(), error) {
	if n.In[0].DType == tensor.Int64 {
		y, lo, by := e.Out[0], n.In[0].Const.I64()[0], n.In[2].Const.I64()[0]
		return func() {
			for i, dst := 0, y.I64(); i < len(dst); i++ {
				dst[i] = lo + int64(i)*by
			}
		}, nil
	}
	lo, by := n.In[0].Const.Number(0), n.In[2].Const.Number(0)
	steps := tensor.New(tensor.Float64, e.Out[0].Len())
	for i, s := 0, steps.F64(); i < len(s); i++ {
		s[i] = lo + float64(i)*by
	}
	return castLoop(steps, e.Out[0], narrowing{}), nil
}
