package ops

import "memprobe/internal/tensor"

// lane says how an axis crosses a tensor [outer,n,inner]: in outer·inner lanes of n
// elements, which are inner elements apart.
type lane struct{ outer, n, inner int }

func laneOf(shape []int, axis int) lane {
	return lane{tensor.Len(shape[:axis]), shape[axis], tensor.Len(shape[axis+1:])}
}

// start is the first element of lane i, of outer·inner.
func (l lane) start(i int) int { return i/l.inner*l.n*l.inner + i%l.inner }

// axisAttr is the attribute axis, resolved against the first input.
func (n *Node) axisAttr(def int) (int, error) { return n.Axis(n.Int("axis", def), len(n.In[0].Shape)) }
