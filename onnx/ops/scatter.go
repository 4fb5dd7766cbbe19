package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

// scatters are operators whose indices name single elements, or runs of them.
var scatters = []Def{
	{Op: "GatherElements", Since: 11, Attributes: "axis:i",
		Infer: inferGatherElements, Bind: bindPlaces, Grad: gradGatherElements},
	{Op: "GatherND", Since: 11, Attributes: "; 12 batch_dims:i",
		Infer: inferGatherND, Bind: bindPlaces, Grad: gradGatherND},
	{Op: "GatherNDGrad", Domain: Internal, Since: 1, Infer: inferScatterND, Bind: bindPlaces},
	{Op: "Scatter", Since: 9, Attributes: "axis:i",
		Wide: wideInt, Infer: inferScatterElements, Bind: bindPlaces, Grad: gradScatterElements},
	{Op: "ScatterElements", Since: 11, Attributes: "axis:i; 16 axis:i reduction:s",
		Wide: wideInt, Infer: inferScatterElements, Bind: bindPlaces,
		Grad: gradScatterElements},
	{Op: "ScatterND", Since: 11, Attributes: "; 16 reduction:s",
		Wide: wideInt, Infer: inferScatterND, Bind: bindPlaces, Grad: gradScatterND},
}

// placement says where the runs of an operator's indices lie in the data. One that an
// index puts outside of it is a fault.
type placement struct {
	run   int // elements that lie together
	count int // runs
	find  func(ix []int64, i int) (at int, ok bool)
	fold  string // how scattered elements join those that are there
}

// within resolves an index that may count from the end.
func within(i int64, d int) (int, bool) {
	if i < 0 {
		i += int64(d)
	}
	return int(i), i >= 0 && i < int64(d)
}

// checkPlaces holds indices that are known to the data.
func (n *Node) checkPlaces(p placement) error {
	c := n.In[1].Const
	if c == nil {
		return nil
	}
	at := reader(c)()
	for i := range p.count {
		if _, ok := p.find(at, i); !ok {
			return n.misplaced(i)
		}
	}
	return nil
}

// misplaced is the fault of the i-th of the indices.
func (n *Node) misplaced(i int) error {
	return n.Errorf("index number %d is out of range for shape %v", i, n.In[0].Shape)
}

// elements is the placement of GatherElements and ScatterElements: element i of
// the indices replaces its own position along the axis.
func (n *Node) elements() (placement, error) {
	x, ix := n.In[0].Shape, n.In[1].Shape
	axis, err := n.axisAttr(0)
	if err != nil {
		return placement{}, err
	}
	if len(x) != len(ix) || n.In[1].DType != tensor.Int64 && n.In[1].DType != tensor.Int32 {
		return placement{}, n.Errorf("indices are %v of shape %v, want integers of the rank of %v", n.In[1].DType, ix, x)
	}
	for d := range x {
		if d != axis && ix[d] > x[d] {
			return placement{}, n.Errorf("indices of shape %v do not fit data of shape %v", ix, x)
		}
	}
	own := tensor.Strides(x)
	beside := slices.Clone(own)
	beside[axis] = 0
	offsets := offsetsOf(ix, beside)
	p := placement{run: 1, count: tensor.Len(ix), fold: n.Str("reduction", "none")}
	p.find = func(ix []int64, i int) (int, bool) {
		k, ok := within(ix[i], x[axis])
		return offsets[i] + k*own[axis], ok
	}
	return p, n.checkPlaces(p)
}

// batchDims counts the axes that data and indices of GatherND share. ScatterND has
// none.
func (n *Node) batchDims() int {
	if n.Op == "ScatterND" {
		return 0
	}
	return n.Int("batch_dims", 0)
}

// vectors is the placement of GatherND and ScatterND: the last axis of the
// indices is a position in the first axes of the data, after those of the batch.
func (n *Node) vectors() (placement, error) {
	batch := n.batchDims()
	x, ix := n.In[0].Shape, n.In[1].Shape
	if len(ix) == 0 || len(ix) <= batch || n.In[1].DType != tensor.Int64 {
		return placement{}, n.Errorf("indices are %v of shape %v, want int64 vectors", n.In[1].DType, ix)
	}
	depth := ix[len(ix)-1]
	if batch < 0 || batch+depth > len(x) || !slices.Equal(ix[:batch], x[:batch]) {
		return placement{}, n.Errorf("indices of shape %v do not fit data of shape %v", ix, x)
	}
	own, whole := tensor.Strides(x), tensor.Len(x[batch:])
	p := placement{run: tensor.Len(x[batch+depth:]), count: tensor.Len(ix[:len(ix)-1]), fold: n.Str("reduction", "none")}
	group := tensor.Len(ix[batch : len(ix)-1])
	p.find = func(ix []int64, i int) (int, bool) {
		at := i / max(1, group) * whole
		for d := range depth {
			k, ok := within(ix[i*depth+d], x[batch+d])
			if !ok {
				return 0, false
			}
			at += k * own[batch+d]
		}
		return at, true
	}
	return p, n.checkPlaces(p)
}

func inferGatherElements(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	if _, err := n.elements(); err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, n.In[1].Shape)
}

func inferGatherND(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	if _, err := n.vectors(); err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, n.vectorsShape())
}

// vectorsShape is that of the elements which the indices of GatherND or ScatterND
// name.
func (n *Node) vectorsShape() []int {
	ix := n.In[1].Shape
	last := len(ix) - 1
	return slices.Concat(ix[:last], n.In[0].Shape[n.batchDims()+ix[last]:])
}

func inferScatterElements(n *Node) error {
	return n.inferScattered(n.elements, func() []int { return n.In[1].Shape })
}

func inferScatterND(n *Node) error {
	return n.inferScattered(n.vectors, n.vectorsShape)
}

func (n *Node) inferScattered(place func() (placement, error), updates func() []int) error {
	if err := n.Want(3, 3); err != nil {
		return err
	}
	p, err := place()
	if err != nil {
		return err
	}
	if want := updates(); !slices.Equal(n.In[2].Shape, want) || n.In[2].DType != n.In[0].DType {
		return n.Errorf("updates are %v of shape %v, want %v of %v", n.In[2].DType, n.In[2].Shape, n.In[0].DType, want)
	}
	if !slices.Contains([]string{"none", "add", "mul", "max", "min"}, p.fold) ||
		p.fold != "none" && n.In[0].DType == tensor.Bool {
		return n.Errorf("reduction %q of %v is not supported", p.fold, n.In[0].DType)
	}
	return n.SetOut(0, n.In[0].DType, n.In[0].Shape)
}

// bindPlaces gathers or, with a third input, scatters.
func bindPlaces(n *Node, e *Env) (func(), error) {
	var p placement
	var err error
	switch n.Op {
	case "GatherND", "GatherNDGrad", "ScatterND":
		p, err = n.vectors()
	default:
		p, err = n.elements()
	}
	if err != nil {
		return nil, err
	}
	if len(e.In) < 3 {
		return gatherPlaces(n, e, p), nil
	}
	if p.fold == "none" {
		return words(e.In[0].DType, func() func() { return mergeLoop[uint8](n, e, p, tensor.Words, nil) },
			func() func() { return mergeLoop[uint16](n, e, p, tensor.Words, nil) },
			func() func() { return mergeLoop[uint32](n, e, p, tensor.Words, nil) },
			func() func() { return mergeLoop[uint64](n, e, p, tensor.Words, nil) }), nil
	}
	return numbers(n, e.In[0].DType, func() func() { return mergeLoop(n, e, p, tensor.Data, foldOf[float32](p.fold)) },
		func() func() { return mergeLoop(n, e, p, tensor.Data, foldOf[float64](p.fold)) },
		func() func() { return mergeLoop(n, e, p, tensor.Data, foldOf[int64](p.fold)) },
		func() func() { return mergeLoop(n, e, p, tensor.Data, foldOf[uint64](p.fold)) })
}

// foldOf is how scattered elements join those that are there.
func foldOf[T number](name string) func(a, b T) T {
	switch name {
	case "add":
		return plus[T]
	case "mul":
		return times[T]
	case "max":
		return func(a, b T) T { return max(a, b) }
	}
	return func(a, b T) T { return min(a, b) }
}

// reader returns what reads a tensor of indices, of either type.
func reader(ix *tensor.Tensor) func() []int64 {
	if ix.DType == tensor.Int64 {
		return ix.I64
	}
	wide := make([]int64, ix.Len())
	return func() []int64 {
		convert(wide, ix.I32())
		return wide
	}
}

// gatherPlaces copies the run of each index.
func gatherPlaces(n *Node, e *Env, p placement) func() {
	x, y, indices, size := e.In[0], e.Out[0], reader(e.In[1]), e.In[0].DType.Size()
	return func() {
		src, dst, at := x.Bytes(), y.Bytes(), indices()
		for i := range p.count {
			from, ok := p.find(at, i)
			if !ok {
				e.Fail(n.misplaced(i))
				return
			}
			copy(dst[i*p.run*size:][:p.run*size], src[from*size:])
		}
	}
}

// mergeLoop works in the order of the indices on one goroutine, so that those
// that repeat give the same bits every time.
func mergeLoop[T tensor.Element](n *Node, e *Env, p placement, data func(*tensor.Tensor) []T,
	fold func(a, b T) T) func() {
	indices := reader(e.In[1])
	return func() {
		dst, updates, at := data(e.Out[0]), data(e.In[2]), indices()
		copy(dst, data(e.In[0]))
		for i := range p.count {
			to, ok := p.find(at, i)
			if !ok {
				e.Fail(n.misplaced(i))
				return
			}
			run := updates[i*p.run:][:p.run]
			if fold == nil {
				copy(dst[to:], run)
				continue
			}
			for j, v := range run {
				dst[to+j] = fold(dst[to+j], v)
			}
		}
	}
}

// zeros is a tensor of zeros of v's type and shape.
func (b *Builder) zeros(v *Value) *Value {
	return b.Op("Expand", nil, b.Scalar(v, 0), b.Ints(v.Shape...))
}
