package engine

import "memprobe/onnx/ops"

// turnedPixels is the most pixels of planes that convolutions hand to each other with channels
// innermost. Larger ones have vectors of pixels that are full, and rows that are long.
const turnedPixels = 256

// turn has convolutions hand their results to each other with channels innermost, where both are
// faster so: products need not bring their sums into planes, and depthwise convolutions do not move
// lanes. Nothing else sees such a tensor, and no bits change. f has fused the program.
func (p *program) turn(f *fuser) {
	convs, may := map[*ops.Node]ops.Turned{}, map[*ops.Value]bool{}
	read, small := map[*ops.Value]int{}, map[*ops.Value]bool{}
	alike := map[*ops.Node]bool{} // of convs: those whose input and result must be
	for _, n := range p.nodes {
		if !isConv(n) {
			continue
		}
		t, same := n.Turns()
		if convs[n], alike[n] = t, same; t.In {
			read[n.In[0]]++
			small[n.In[0]] = small[n.In[0]] || same && pixels(n.Out[0]) <= turnedPixels
		}
		if r := n.Input(3); r != nil && t.Out {
			read[r]++
		}
	}
	for n, t := range convs {
		v := n.Out[0]
		may[v] = t.Out && read[v] == f.reads[v] && (small[v] || pixels(v) <= turnedPixels)
	}
	// What must be alike is, until nothing changes.
	for changed := true; changed; {
		changed = false
		match := func(v, w *ops.Value) {
			if may[v] != may[w] {
				may[v], may[w], changed = false, false, true
			}
		}
		for n := range convs {
			if alike[n] {
				match(n.In[0], n.Out[0])
			}
			if r := n.Input(3); r != nil {
				match(r, n.Out[0])
			}
		}
	}
	for i, n := range p.nodes {
		if _, ok := convs[n]; !ok || !may[n.In[0]] && !may[n.Out[0]] {
			continue
		}
		by := f.conv(n, nil, n.In...)
		by.Attrs["turned"] = ops.Turned{In: may[n.In[0]], Out: may[n.Out[0]]}
		f.replace(n, by)
		p.nodes[i] = by
	}
}

// pixels is how many a plane of v [N,C,H,W] has.
func pixels(v *ops.Value) int { return v.Shape[2] * v.Shape[3] }
