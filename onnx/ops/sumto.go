package ops

import (
	"slices"

	"memprobe/internal/kernel"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// sums holds SumTo, the gradient of a broadcast: it sums over the dimensions
// along which the attribute shape would be stretched to the input.
var sums = []Def{{Op: "SumTo", Domain: Internal, Since: 1, Infer: inferSumTo, Bind: bindSumTo, Grad: gradSumTo}}

func inferSumTo(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	to := n.Ints("shape", nil)
	if out, err := broadcastShape(n, n.In[0].Shape, to); err != nil || !slices.Equal(out, n.In[0].Shape) {
		return n.Errorf("shape %v does not broadcast to %v", to, n.In[0].Shape)
	}
	return n.SetOut(0, n.In[0].DType, to)
}

func bindSumTo(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return sumToLoop[float32](e) }, func() func() { return sumToLoop[float64](e) })
}

// sumColumns is how many neighbouring results are summed together.
const sumColumns = 256

// sumToLoop sums in float64, in the order of the input. Runs of the input are
// summed whole where the last dimension goes, and added to each other where it
// stays.
func sumToLoop[T tensor.Float](e *Env) func() {
	x, y := e.In[0], e.Out[0]
	own, to := tensor.Strides(x.Shape), broadcastStrides(y.Shape, x.Shape)
	last := len(x.Shape)
	for last > 0 && (to[last-1] == 0) == (to[len(to)-1] == 0) {
		last--
	}
	run := tensor.Len(x.Shape[last:])
	var kept, gone, keptStride, goneStride []int
	for i, d := range x.Shape[:last] {
		if to[i] != 0 {
			kept, keptStride = append(kept, d), append(keptStride, own[i])
		} else {
			gone, goneStride = append(gone, d), append(goneStride, own[i])
		}
	}
	starts, offsets := offsetsOf(kept, keptStride), offsetsOf(gone, goneStride)
	if y.Len() == len(starts) {
		size := max(1, span/max(1, run*len(offsets)))
		body := func(_, chunk int) {
			src, dst := tensor.Data[T](x), tensor.Data[T](y)
			lo, hi := parallel.Range(chunk, size, len(starts))
			for i := lo; i < hi; i++ {
				sum := 0.0
				for _, at := range offsets {
					sum += kernel.Sum(src[starts[i]+at:][:run])
				}
				dst[i] = T(sum)
			}
		}
		return func() { e.Pool.For(parallel.Chunks(len(starts), size), body) }
	}
	per := parallel.Chunks(run, sumColumns)
	acc := make([]float64, sumColumns*e.Pool.Threads())
	body := func(worker, chunk int) {
		lo, hi := parallel.Range(chunk%per, sumColumns, run)
		sum, dst := acc[worker*sumColumns:][:hi-lo], tensor.Data[T](y)[chunk/per*run+lo:]
		clear(sum)
		for _, at := range offsets {
			for j, v := range tensor.Data[T](x)[starts[chunk/per]+at+lo:][:hi-lo] {
				sum[j] += float64(v)
			}
		}
		for j, v := range sum {
			dst[j] = T(v)
		}
	}
	return func() { e.Pool.For(len(starts)*per, body) }
}

func gradSumTo(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	return []*Value{b.Op("Expand", nil, dy[0], b.Ints(n.In[0].Shape...))}, b.Err
}
