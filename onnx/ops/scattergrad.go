package ops

func gradGatherElements(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	dx := b.Op("ScatterElements", Attrs{"axis": int64(n.Int("axis", 0)), "reduction": "add"},
		b.zeros(n.In[0]), n.In[1], dy[0])
	return []*Value{dx, nil}, b.Err
}

func gradGatherND(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	dx := b.Op("GatherNDGrad", Attrs{"batch_dims": int64(n.batchDims()), "reduction": "add"},
		b.zeros(n.In[0]), n.In[1], dy[0])
	return []*Value{dx, nil}, b.Err
}

func gradScatterElements(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	s := scattering{b, n, Attrs{"axis": int64(n.Int("axis", 0))}, "ScatterElements", "GatherElements"}
	return s.grad(dy[0], want)
}

func gradScatterND(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	return scattering{b, n, Attrs{}, "ScatterND", "GatherND"}.grad(dy[0], want)
}

// scattering is a scattering of the updates u over the data x, as its gradient sees
// it: place p of the result y takes x[p] and all u[i] whose index says so.
type scattering struct {
	*Builder
	n             *Node
	attrs         Attrs
	scatter, from string // the operators that scatter and gather so
}

// gather returns what v, of y's shape, has where each update goes.
func (s scattering) gather(v *Value) *Value { return s.Op(s.from, s.attrs, v, s.n.In[1]) }

// fold scatters updates over data.
func (s scattering) fold(reduction string, data, updates *Value) *Value {
	attrs := Attrs{"reduction": reduction}
	for k, v := range s.attrs {
		attrs[k] = v
	}
	return s.Op(s.scatter, attrs, data, s.n.In[1], updates)
}

// grad returns the gradients of data and updates. Without a reduction, indices do
// not repeat, and data that were replaced get none.
func (s scattering) grad(dy *Value, want []bool) ([]*Value, error) {
	dx, du := dy, (*Value)(nil)
	switch reduction := s.n.Str("reduction", "none"); reduction {
	case "none":
		dx, du = s.fold(reduction, dy, s.zeros(s.n.In[2])), s.gather(dy)
	case "add":
		du = s.gather(dy)
	case "mul":
		dx, du = s.product(dy, want)
	default:
		dx, du = s.extreme(dy)
	}
	return []*Value{dx, nil, du}, s.Err
}

// extreme shares dy among the data and updates that attain the extreme.
func (s scattering) extreme(dy *Value) (dx, du *Value) {
	x, u, y := s.n.In[0], s.n.In[2], s.n.Out[0]
	stays := s.indicator(x, y)
	wins := s.indicator(u, s.gather(y))
	share := s.Op("Div", nil, dy, s.fold("add", stays, wins))
	return s.Op("Mul", nil, stays, share), s.Op("Mul", nil, wins, s.gather(share))
}

// indicator is 1 where a equals c, else 0.
func (b *Builder) indicator(a, c *Value) *Value {
	return b.Op("CastLike", nil, b.Op("Equal", nil, a, c), a)
}

// product: dx = dy·∏ u, and du[i] = dy·x·∏ of the other updates of its place, which
// is that of all that are not 0, divided by u[i] if that is not, where no other is 0.
func (s scattering) product(dy *Value, want []bool) (dx, du *Value) {
	x, u := s.n.In[0], s.n.In[2]
	one, zero := s.Scalar(x, 1), s.Scalar(x, 0)
	ones := s.Op("Expand", nil, one, s.Ints(x.Shape...))
	if want[0] {
		dx = s.Op("Mul", nil, dy, s.fold("mul", ones, u))
	}
	if want[2] {
		isZero := s.indicator(u, zero)
		safe := s.Op("Add", nil, u, isZero)
		others := s.Op("Div", nil, s.gather(s.fold("mul", ones, safe)), safe)
		alone := s.Op("Equal", nil, s.gather(s.fold("add", s.zeros(x), isZero)), isZero)
		du = s.Op("Mul", nil, s.gather(s.Op("Mul", nil, dy, x)), s.Op("Where", nil, alone, others, zero))
	}
	return dx, du
}
