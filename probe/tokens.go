package probe

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"memprobe/onnx/ops"
)

// reading is how the head of a network takes vectors from tokens [N,T,D].
type reading struct {
	tokens int     // T; 0 where no tokens come before the head
	pool   Pooling // Mean, Max, Last or a token; Mean too where it is none of these
	why    string  // in words: the node that reads
}

// reads finds the nodes that make vectors of the last tokens through which all data
// flow: a Gather or Slice of one token, or a reduction over all of them.
func (f *flow) reads() reading {
	at := len(f.cuts) - 1
	for ; at >= 0; at-- {
		s := f.shape[f.cuts[at].name]
		if len(s) == 3 && min(s[1], s[2]) > 1 && f.cuts[at].op != "Transpose" {
			break
		}
	}
	if at < 0 {
		return reading{}
	}
	from := f.cuts[at].name
	if from == f.logits && !f.scores {
		t := f.shape[from][1]
		return reading{tokens: t, pool: Mean, why: fmt.Sprintf("the network ends in %d tokens: their mean is taken", t)}
	}
	if from == f.logits {
		return reading{}
	}
	r := reading{tokens: f.shape[from][1], pool: Mean}
	axis := map[string]int{from: 1} // of tokens, in what holds all of them
	var readers []string
	found := map[Pooling]bool{}
	masked := false // a sum over tokens, as of those that a mask leaves
	for i, n := range f.nodes {
		in := slices.IndexFunc(n.Inputs, func(name string) bool { return axis[name] > 0 })
		if in < 0 || !f.on[i] || n.Node == nil {
			continue
		}
		a := axis[n.Inputs[in]]
		if to := keeps(n.Node, in, a); to > 0 {
			axis[n.Outputs[0]] = to
			continue
		}
		found[taken(n.Node, a)] = true
		masked = masked || n.Op == "ReduceSum"
		readers = append(readers, fmt.Sprintf("%s %q", n.Op, n.Name))
	}
	by := strings.Join(readers, ", ")
	if len(found) != 1 || found[Auto] {
		r.why = fmt.Sprintf("how the head reads the %d tokens is not plain (%s): their mean is taken", r.tokens, by)
		return r
	}
	r.pool = slices.Collect(maps.Keys(found))[0]
	r.why = fmt.Sprintf("the head reads the %s of %d tokens: %s", r.pool, r.tokens, by)
	if k := f.in.mask; k >= 0 && f.in.arrays[k].Shape[0] == r.tokens && r.pool == Mean && !masked {
		r.pool = Avg
		r.why = fmt.Sprintf("the head reads the mean of all %d tokens, padding too: %s", r.tokens, by)
	}
	return r
}

// keeps returns the axis of tokens in the result of a node that works on each token for
// itself, operand number in of which has them along axis a; else 0.
func keeps(n *ops.Node, in, a int) int {
	switch n.Op {
	case "Transpose":
		return slices.Index(n.Perm(), a)
	case "Identity", "Cast", "Dropout", "Slice", "Add", "Sub", "Mul", "Div", "Where", "Relu", "Tanh", "LayerNormalization":
		if slices.Equal(n.Out[0].Shape, n.In[in].Shape) {
			return a
		}
	}
	return 0
}

// taken is which tokens, that lie along axis a of its first operand, a node takes; Auto
// if it does not say.
func taken(n *ops.Node, a int) Pooling {
	rank, tokens := len(n.In[0].Shape), n.In[0].Shape[a]
	along := func(axes []int) bool {
		return len(axes) > 0 && !slices.ContainsFunc(axes, func(x int) bool { return (x+rank)%rank != a })
	}
	switch n.Op {
	case "Gather":
		if index := integers(n, 1, ""); along([]int{n.Int("axis", 0)}) && len(index) == 1 {
			return token(index[0], tokens)
		}
	case "Slice":
		starts, axes := integers(n, 1, "starts"), integers(n, 3, "axes")
		if axes == nil {
			for i := range starts {
				axes = append(axes, i)
			}
		}
		if along(axes) && len(starts) == 1 && n.Out[0].Shape[a] == 1 {
			return token(starts[0], tokens)
		}
	case "ReduceMean", "ReduceSum", "ReduceMax":
		if !along(integers(n, 1, "axes")) {
			return Auto
		}
		if n.Op == "ReduceMax" {
			return Max
		}
		return Mean
	case "GlobalAveragePool", "GlobalMaxPool":
		if a != 2 {
			return Auto
		}
		if n.Op == "GlobalMaxPool" {
			return Max
		}
		return Mean
	}
	return Auto
}

// token is the pooling that takes a token counted from 0, or from −1 backwards.
func token(i, tokens int) Pooling {
	switch {
	case i == -1 || i == tokens-1 && i > 0:
		return Last
	case i < 0:
		i += tokens
	}
	return Token(i)
}

// integers returns the elements of a node's attribute, or else of its constant operand.
func integers(n *ops.Node, operand int, attribute string) []int {
	if v := n.Ints(attribute, nil); v != nil {
		return v
	}
	v := n.Input(operand)
	if v == nil || v.Const == nil {
		return nil
	}
	return v.Const.Ints()
}

// of adds to a layer how its tokens are read.
func (r reading) of(l Layer) Layer {
	switch {
	case len(l.Shape) != 2:
		l.Pool = Avg
	case l.Shape[0] == r.tokens:
		l.Tokens, l.Pool, l.Reads = r.tokens, r.pool, r.why
	default:
		l.Pool = Mean
	}
	return l
}

// poolingInWords is the pooling as reports name it, and how the head reads the tokens of
// the layers that are probed; "" where there are none.
func (r *runner) poolingInWords() (pool, tokens string) {
	pool = r.Pooling.String()
	if r.Pooling == Auto {
		pool = Avg.String()
	}
	for i, l := range r.layers {
		if l.Tokens == 0 {
			continue
		}
		if tokens = l.Reads; r.Pooling == Auto {
			pool = "auto: " + r.pooling[i].String()
		}
		if p := r.pooling[i]; r.in.mask >= 0 && (p == Mean || p == Max || p == Last) &&
			r.in.arrays[r.in.mask].Shape[0] == l.Tokens {
			tokens += fmt.Sprintf("; without padding, by %s", r.in.arrays[r.in.mask].Name)
		}
	}
	return pool, tokens
}
