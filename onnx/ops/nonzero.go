package ops

import "memprobe/internal/tensor"

var nonZeros = []Def{{Op: "NonZero", Since: 9, Expand: beforehand(1, 1, nonZero), Eager: eagerly(1, 1, nonZero)}}

// nonZero is the positions [rank,count] of the elements that are not 0.
func nonZero(n *Node) ([]*tensor.Tensor, error) {
	x, count := n.In[0].Const, 0
	for i := range x.Len() {
		if n.stopped(i) {
			return nil, errStopped
		}
		if x.Number(i) != 0 {
			count++
		}
	}
	if err := n.need("the positions", 8*count*len(x.Shape)); err != nil {
		return nil, err
	}
	y := tensor.New(tensor.Int64, len(x.Shape), count)
	at, strides, column := y.I64(), tensor.Strides(x.Shape), 0
	for i := range x.Len() {
		if n.stopped(i) {
			return nil, errStopped
		}
		if x.Number(i) == 0 {
			continue
		}
		for d, stride := range strides {
			at[d*count+column] = int64(i / stride % x.Shape[d])
		}
		column++
	}
	return []*tensor.Tensor{y}, nil
}
