package ops

var expands = []Def{
	{Op: "Expand", Since: 8, Roles: []Role{Embedding, ""}, Infer: inferExpand,
		Bind: func(n *Node, e *Env) (func(), error) {
			return broadcastTo(e, e.Out[0], e.In[0]), nil
		}, Grad: gradExpand},
}

func inferExpand(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	shape, err := n.known(1, "shape")
	if err != nil {
		return err
	}
	out, err := broadcastShape(n, n.In[0].Shape, shape)
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, out)
}

func gradExpand(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	return []*Value{b.SumTo(dy[0], n.In[0].Shape), nil}, b.Err
}
