package probe

import (
	"slices"
	"strings"

	"memprobe/onnx"
)

// cut is a tensor through which all data flow.
type cut struct {
	name string
	op   string // that computes it; "" for the input
	join bool   // a sum or a concatenation of data
}

// blocks returns the tensors that end blocks, from the input to the logits.
func (f *flow) blocks() []string {
	last := map[string]int{f.logits: len(f.nodes)} // where a tensor is needed last
	for i, n := range f.nodes {
		for _, name := range n.Inputs {
			if f.on[i] {
				last[name] = max(last[name], i)
			}
		}
	}
	f.cuts = []cut{{name: f.input()}}
	w := walk{end: f.cuts[0]}
	needed := map[string]bool{} // later on
	for name, data := range f.data {
		if _, read := last[name]; read && data && f.in.shapes[name] != nil {
			needed[name] = true
		}
	}
	for i, n := range f.nodes {
		if !f.on[i] {
			continue
		}
		w.pass(n, f.looksUp(i))
		for _, name := range n.Inputs {
			if last[name] <= i {
				delete(needed, name)
			}
		}
		out := f.lone(n.Outputs, last)
		if out != "" && f.isLayer(out) && (len(needed) == 0 || f.concatenates(i, needed)) {
			f.cuts = append(f.cuts, cut{out, n.Op, f.joins(i)})
			w.cut(f.cuts[len(f.cuts)-1])
		}
		for _, name := range n.Outputs {
			if last[name] > i {
				needed[name] = true
			}
		}
	}
	if len(w.ends) == 0 || w.end.name != f.logits {
		return nil
	}
	var names []string
	for _, b := range append(w.ends, w.end) {
		names = append(names, b.name)
	}
	return names
}

// lone is the one of some tensors that is needed, or "".
func (f *flow) lone(outputs []string, last map[string]int) string {
	found := ""
	for _, name := range outputs {
		if _, ok := last[name]; ok && name != "" {
			if found != "" {
				return ""
			}
			found = name
		}
	}
	return found
}

// looksUp reports whether node i takes rows of a table by the data's numbers, as the
// embedding of words does.
func (f *flow) looksUp(i int) bool {
	n := f.nodes[i]
	return n.Op == "Gather" && len(n.Inputs) == 2 && !f.data[n.Inputs[0]] && f.data[n.Inputs[1]]
}

// joins reports whether node i adds or concatenates data from several sides.
func (f *flow) joins(i int) bool {
	n := f.nodes[i]
	data := 0
	for _, name := range n.Inputs {
		if f.data[name] {
			data++
		}
	}
	return data > 1 && slices.Contains([]string{"Add", "Sum", "Concat"}, n.Op)
}

// concatenates reports whether node i is a concatenation of several tensors, all that
// are needed later among them: the output of a layer inside a dense block.
func (f *flow) concatenates(i int, needed map[string]bool) bool {
	n := f.nodes[i]
	if n.Op != "Concat" || !f.joins(i) {
		return false
	}
	among := map[string]bool{}
	for _, name := range n.Inputs {
		if needed[name] {
			among[name] = true
		}
	}
	return len(among) == len(needed)
}

// walk is how far the search for blocks has come.
type walk struct {
	ends     []cut
	end      cut  // of the block in progress
	weighted bool // a convolution or a product lies behind end
	join     cut  // the last join behind the last end, where the end before is a join as well
	normed   bool // a normalisation lies behind join
}

// pass notes an operator on the way, and whether it looks up a table.
func (w *walk) pass(n onnx.Layer, table bool) {
	w.weighted = w.weighted || table || n.Def().Weighted
	// A normalisation that an exporter wrote out has a square root.
	w.normed = w.normed || strings.HasSuffix(n.Op, "Normalization") || n.Op == "Sqrt"
}

// cut notes a tensor through which all data flow.
func (w *walk) cut(b cut) {
	switch {
	case w.weighted:
		w.ends = append(w.ends, w.end)
		w.weighted, w.normed = false, false
		w.join = cut{}
		if b.join && w.ends[len(w.ends)-1].join {
			w.join = b
		}
	case w.normed && w.join.join:
		w.ends = append(w.ends, w.join)
		w.join = cut{}
	}
	if len(w.ends) > 0 { // what only reshapes the input does not stand for it
		w.end = b
	}
}

// embedding returns which of the blocks is the encoder's output.
func (f *flow) embedding(blocks []string) int {
	e := len(blocks) - 1
	for e > 1 && len(f.shape[blocks[e-1]]) == 2 {
		e--
	}
	if e == len(blocks)-1 || f.onlyVectors() {
		return len(blocks) - 2
	}
	return e
}

// scoresWords reports whether the last block scores every word of the table that tokens
// are looked up in, as the head of a language model does, from features of another width.
func (f *flow) scoresWords(m *onnx.Model, blocks []string) bool {
	wide, before := f.shape[blocks[len(blocks)-1]], f.shape[blocks[len(blocks)-2]]
	words := wide[len(wide)-1]
	if len(wide) != len(before) || before[len(before)-1] == words {
		return false
	}
	for i, n := range f.nodes {
		if f.on[i] && f.looksUp(i) && f.rows(m, n.Inputs[0]) == words {
			return true
		}
	}
	return false
}

// rows is the first size of a constant.
func (f *flow) rows(m *onnx.Model, name string) int {
	if s := f.shape[name]; len(s) > 0 {
		return s[0]
	}
	for _, t := range m.Proto().Graph.Initializer {
		if t.GetName() == name && len(t.GetDims()) > 0 {
			return int(t.GetDims()[0])
		}
	}
	return 0
}

// onlyVectors reports whether the first layer with weights already yields a
// vector for each sample.
func (f *flow) onlyVectors() bool {
	for i, n := range f.nodes {
		if f.on[i] && n.Def().Weighted {
			return len(f.shape[n.Outputs[0]]) == 2
		}
	}
	return false
}
