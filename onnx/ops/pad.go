package ops

import (
	"slices"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

var paddings = []Def{
	{Op: "Pad", Since: 1,
		Attributes: "mode:s paddings:I! value:f; 2 mode:s pads:I! value:f; 11 mode:s",
		Infer:      inferPad, Bind: bindPad, Grad: gradPad},
	{Op: "PadGrad", Domain: Internal, Since: 1, Infer: inferMoved(1), Bind: bindPadGrad},
}

// Pads returns how much a Pad adds before and after each axis; attributes before
// opset 11, inputs after.
func (n *Node) Pads() (before, after []int, err error) {
	if err := n.Want(1, 4); err != nil {
		return nil, nil, err
	}
	rank := len(n.In[0].Shape)
	p := n.Ints("pads", n.Ints("paddings", nil))
	var axes []int
	if n.Opset >= 11 {
		if p, err = n.known(1, "pads"); err != nil {
			return nil, nil, err
		}
		if n.Input(3) != nil {
			if axes, err = n.known(3, "axes"); err != nil {
				return nil, nil, err
			}
		}
	}
	if axes == nil {
		for i := range rank {
			axes = append(axes, i)
		}
	}
	if len(p) != 2*len(axes) {
		return nil, nil, n.Errorf("pads has %d values, want %d", len(p), 2*len(axes))
	}
	if _, err := n.Axes(axes, rank); err != nil {
		return nil, nil, err
	}
	before, after = make([]int, rank), make([]int, rank)
	for i, a := range axes {
		a, err := n.Axis(a, rank)
		if err != nil {
			return nil, nil, err
		}
		before[a], after[a] = p[i], p[len(axes)+i]
	}
	return before, after, nil
}

func inferPad(n *Node) error {
	before, after, err := n.Pads()
	if err != nil {
		return err
	}
	in := n.In[0].Shape
	out := make([]int, len(in))
	mode := n.Str("mode", "constant")
	for i, d := range in {
		if max(before[i], after[i]) > 1<<30 || min(before[i], after[i]) < -1<<30 {
			return n.Errorf("pads %v %v are out of range", before, after)
		}
		if out[i] = d + before[i] + after[i]; out[i] < 0 {
			return n.Errorf("pads %v %v leave nothing of axis %d of %v", before, after, i, in)
		}
		if mode != "constant" && d == 0 && out[i] > 0 || mode == "reflect" && max(before[i], after[i]) >= max(d, 1) {
			return n.Errorf("cannot pad axis %d of %v by %d and %d in mode %s", i, in, before[i], after[i], mode)
		}
	}
	if !slices.Contains([]string{"constant", "reflect", "edge", "wrap"}, mode) {
		return n.Errorf("mode is %q, want constant, reflect, edge or wrap", mode)
	}
	if v := n.Input(2); v != nil && (v.Len() != 1 || v.DType != n.In[0].DType) {
		return n.Errorf("the padding value is %v%v, want one %v", v.DType, v.Shape, n.In[0].DType)
	}
	return n.SetOut(0, n.In[0].DType, out)
}

// source is the element of an axis of size d that position i reads, -1 for none.
func source(mode string, i, d int) int {
	switch {
	case i >= 0 && i < d:
		return i
	case mode == "edge":
		return min(max(i, 0), d-1)
	case mode == "wrap":
		return (i%d + d) % d
	case mode == "reflect" && d == 1:
		return 0
	case mode == "reflect":
		i = (i%(2*d-2) + 2*d - 2) % (2*d - 2)
		return min(i, 2*d-2-i)
	}
	return -1
}

func bindPad(n *Node, e *Env) (func(), error) {
	before, _, err := n.Pads()
	if err != nil {
		return nil, err
	}
	x, y := e.In[0], e.Out[0]
	maps := padMaps(x.Shape, y.Shape, before, n.Str("mode", "constant"))
	value := full(x.DType, float64(n.Float("value", 0)))
	if n.Input(2) != nil {
		value = e.In[2]
	}
	return words(x.DType, func() func() { return padLoop[uint8](e, maps, value) },
		func() func() { return padLoop[uint16](e, maps, value) },
		func() func() { return padLoop[uint32](e, maps, value) },
		func() func() { return padLoop[uint64](e, maps, value) }), nil
}

// padMaps lists, by axis, which element of x each position of y reads.
func padMaps(x, y, before []int, mode string) [][]int {
	maps := make([][]int, len(x))
	for a := range maps {
		for i := range y[a] {
			maps[a] = append(maps[a], source(mode, i-before[a], x[a]))
		}
	}
	return maps
}

// padRun is a run of neighbours of the last axis, which x has at from, -1 for none.
type padRun struct{ to, from, n int }

func padRuns(last []int) []padRun {
	var runs []padRun
	for i, from := range last {
		if k := len(runs) - 1; k >= 0 &&
			(from < 0 && runs[k].from < 0 || from >= 0 && runs[k].from >= 0 && from == runs[k].from+runs[k].n) {
			runs[k].n++
			continue
		}
		runs = append(runs, padRun{i, from, 1})
	}
	return runs
}

// padFloats is the number of elements of a chunk.
const padFloats = 8192

func padLoop[T tensor.Word](e *Env, maps [][]int, value *tensor.Tensor) func() {
	x, y := e.In[0], e.Out[0]
	if len(maps) == 0 {
		return func() { copy(y.Bytes(), x.Bytes()) }
	}
	strides, outer, width := tensor.Strides(x.Shape), len(maps)-1, len(maps[len(maps)-1])
	runs := padRuns(maps[outer])
	// row is where x has row r of y, of all axes but the last; -1 for nowhere.
	row := func(r int) (from int) {
		for a := outer - 1; a >= 0; a-- {
			s := maps[a][r%len(maps[a])]
			if s < 0 {
				return -1
			}
			from += s * strides[a]
			r /= len(maps[a])
		}
		return from
	}
	rows, per := 0, max(1, padFloats/max(width, 1))
	if width > 0 {
		rows = y.Len() / width
	}
	body := func(_, chunk int) {
		dst, src, fill := tensor.Words[T](y), tensor.Words[T](x), tensor.Words[T](value)[0]
		lo, hi := parallel.Range(chunk, per, rows)
		for r := lo; r < hi; r++ {
			from := row(r)
			for _, run := range runs {
				part := dst[r*width+run.to:][:run.n]
				if from >= 0 && run.from >= 0 {
					copy(part, src[from+run.from:])
					continue
				}
				for i := range part {
					part[i] = fill
				}
			}
		}
	}
	return func() { e.Pool.For(parallel.Chunks(rows, per), body) }
}

func gradPad(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	before, _, err := n.Pads()
	if err != nil {
		return nil, err
	}
	out := make([]*Value, len(n.In))
	out[0] = b.Op("PadGrad", Attrs{"shape": int64s(n.In[0].Shape), "before": int64s(before),
		"mode": n.Str("mode", "constant")}, dy[0])
	return out, b.Err
}

func bindPadGrad(n *Node, e *Env) (func(), error) {
	before := n.Ints("before", nil)
	maps := padMaps(e.Out[0].Shape, e.In[0].Shape, before, n.Str("mode", "constant"))
	return floatLoop(n, e, func() func() { return padGradLoop[float32](e, maps) },
		func() func() { return padGradLoop[float64](e, maps) })
}

func padGradLoop[T tensor.Float](e *Env, maps [][]int) func() {
	dy, dx := e.In[0], e.Out[0]
	strides := tensor.Strides(dx.Shape)
	var add func(dst, src []T, axis, to int)
	add = func(dst, src []T, axis, to int) {
		if axis == len(maps) {
			dst[to] += src[0]
			return
		}
		run := len(src) / len(maps[axis])
		for i, s := range maps[axis] {
			if s >= 0 {
				add(dst, src[i*run:(i+1)*run], axis+1, to+s*strides[axis])
			}
		}
	}
	return func() {
		clear(tensor.Data[T](dx))
		if dy.Len() > 0 {
			add(tensor.Data[T](dx), tensor.Data[T](dy), 0, 0)
		}
	}
}
