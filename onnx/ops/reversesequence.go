package ops

import "memprobe/internal/tensor"

var reverses = []Def{{Op: "ReverseSequence", Since: 10, Attributes: "batch_axis:i time_axis:i",
	Infer: inferReverseSequence, Bind: bindReverseSequence,
	Grad: func(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
		return []*Value{b.Op("ReverseSequence", n.Attrs, dy[0], n.In[1]), nil}, b.Err
	}}}

func (n *Node) reverseAxes() (batch, time int, err error) {
	batch, time = n.Int("batch_axis", 1), n.Int("time_axis", 0)
	if batch+time != 1 || batch*time != 0 {
		return 0, 0, n.Errorf("batch_axis is %d and time_axis %d, want 0 and 1", batch, time)
	}
	return batch, time, nil
}

func inferReverseSequence(n *Node) error {
	if err := sameAs(n, 2, 2); err != nil {
		return err
	}
	batch, _, err := n.reverseAxes()
	if err != nil {
		return err
	}
	x, lens := n.In[0].Shape, n.In[1]
	if len(x) < 2 || lens.DType != tensor.Int64 || len(lens.Shape) != 1 || lens.Shape[0] != x[batch] {
		return n.Errorf("input has shape %v and sequence_lens %v%v, want a length for each of the batch",
			x, lens.DType, lens.Shape)
	}
	return nil
}

// bindReverseSequence reverses the first elements of each sequence along the time
// axis, as many as its length says.
func bindReverseSequence(n *Node, e *Env) (func(), error) {
	batch, time, err := n.reverseAxes()
	if err != nil {
		return nil, err
	}
	x, y := e.In[0], e.Out[0]
	strides := tensor.Strides(x.Shape[:2])
	run := tensor.Len(x.Shape[2:]) * x.DType.Size()
	return func() {
		for b, size := range e.In[1].I64() {
			if size < 0 || size > int64(x.Shape[time]) {
				e.Fail(n.Errorf("sequence %d has length %d, want 0 to %d", b, size, x.Shape[time]))
				return
			}
			for t := range x.Shape[time] {
				from := t
				if t < int(size) {
					from = int(size) - 1 - t
				}
				to := (b*strides[batch] + t*strides[time]) * run
				copy(y.Bytes()[to:][:run], x.Bytes()[(b*strides[batch]+from*strides[time])*run:])
			}
		}
	}, nil
}
