package ops

import (
	"slices"

	"memprobe/internal/kernel/vec"
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
	var gone []bool
	for _, stride := range broadcastStrides(e.Out[0].Shape, e.In[0].Shape) {
		gone = append(gone, stride == 0)
	}
	return floatLoop(n, e, func() func() { return sumLoop[float32](e, gone, total{}) },
		func() func() { return sumLoop[float64](e, gone, total{}) })
}

// How many neighbouring results are summed together at least, since every row of theirs is a call,
// and at most, for their sums to stay in the first-level cache.
const (
	fewColumns  = 64
	mostColumns = 1024
)

// total is a sum of floats, of their squares if so, and what is made of it; nil leaves it.
type total struct {
	squares bool
	then    func(sum float64) float64
}

// of is what is made of a sum.
func (t total) of(sum float64) float64 {
	if t.then != nil {
		return t.then(sum)
	}
	return sum
}

// sumLoop computes a total over the axes that are gone, in float64. Runs of the input
// are summed whole where the last axis goes, and added to each other, in the order of
// the input, where it stays.
func sumLoop[T tensor.Float](e *Env, gone []bool, t total) func() {
	x, y := e.In[0], e.Out[0]
	own, last := tensor.Strides(x.Shape), len(x.Shape)
	for last > 0 && gone[last-1] == gone[len(gone)-1] {
		last--
	}
	run := tensor.Len(x.Shape[last:])
	var kept, summed, keptStride, summedStride []int
	for i, d := range x.Shape[:last] {
		if gone[i] {
			summed, summedStride = append(summed, d), append(summedStride, own[i])
		} else {
			kept, keptStride = append(kept, d), append(keptStride, own[i])
		}
	}
	starts, offsets := offsetsOf(kept, keptStride), offsetsOf(summed, summedStride)
	if y.Len() == len(starts) {
		of, size := vec.Sum[T], max(1, span/max(1, run*len(offsets)))
		if t.squares {
			of = vec.SumSq[T]
		}
		if !t.squares && sideBySide(starts, run) {
			return sumRows[T](e, run, size, offsets, t)
		}
		body := func(_, chunk int) {
			src, dst := tensor.Data[T](x), tensor.Data[T](y)
			lo, hi := parallel.Range(chunk, size, len(starts))
			for i := lo; i < hi; i++ {
				sum := 0.0
				for _, at := range offsets {
					sum += of(src[starts[i]+at:][:run])
				}
				dst[i] = T(t.of(sum))
			}
		}
		return func() { e.Pool.For(parallel.Chunks(len(starts), size), body) }
	}
	columns := min(max(fewColumns, parallel.Chunks(run, e.Pool.Threads())), mostColumns)
	per := parallel.Chunks(run, columns)
	acc := parallel.Apart[float64](e.Pool, columns)
	body := func(worker, chunk int) {
		lo, hi := parallel.Range(chunk%per, columns, run)
		sum, dst := acc[worker][:hi-lo], tensor.Data[T](y)[chunk/per*run+lo:]
		clear(sum)
		for _, at := range offsets {
			src := tensor.Data[T](x)[starts[chunk/per]+at+lo:][:hi-lo]
			if t.squares {
				for j, v := range src {
					sum[j] += float64(v) * float64(v)
				}
				continue
			}
			vec.AddWide(sum, src)
		}
		for j, v := range sum {
			dst[j] = T(t.of(v))
		}
	}
	return func() { e.Pool.For(len(starts)*per, body) }
}

// sideBySide reports whether runs that begin at starts are all of the input from its first on.
func sideBySide(starts []int, run int) bool {
	for i, at := range starts {
		if at != i*run {
			return false
		}
	}
	return run > 0
}

// sumRows is sumLoop where the runs of neighbouring results lie side by side: many, however
// short, are a call; size results are a chunk.
func sumRows[T tensor.Float](e *Env, run, size int, offsets []int, t total) func() {
	x, y := e.In[0], e.Out[0]
	size = max(1, min(size, y.Len()))
	acc, add := parallel.Apart[float64](e.Pool, size), vec.Of[T]().AddSums
	body := func(worker, chunk int) {
		lo, hi := parallel.Range(chunk, size, y.Len())
		sum, dst := acc[worker][:hi-lo], tensor.Data[T](y)[lo:hi]
		clear(sum)
		for _, at := range offsets {
			add(sum, tensor.Data[T](x)[at+lo*run:][:(hi-lo)*run], run)
		}
		for i, v := range sum {
			dst[i] = T(t.of(v))
		}
	}
	return func() { e.Pool.For(parallel.Chunks(y.Len(), size), body) }
}

func gradSumTo(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	return []*Value{b.Op("Expand", nil, dy[0], b.Ints(n.In[0].Shape...))}, b.Err
}
