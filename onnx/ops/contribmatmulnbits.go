package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

var matMulNBits = []Def{weighted(contrib("MatMulNBits", 3, 6, "K:i! N:i! accuracy_level:i bits:i block_size:i! "+
	"weight_prepacked:i", expandMatMulNBits), "", Quantised, "")}

// expandMatMulNBits multiplies A [.., K] by weights of 2, 4 or 8 bits, which are stored by
// columns, [N, blocks, block_size·bits/8], the first in the lowest bits: each is
// (q − zero point)·scale with the numbers of its block of K, or of the block that g_idx
// names for it.
func expandMatMulNBits(b *Builder, n *Node) []*Value {
	x, w, scales, groups := n.In[0], n.In[1], n.In[2], n.Input(4)
	k, cols, bits, size := n.Int("K", 0), n.Int("N", 0), n.Int("bits", 4), n.Int("block_size", 0)
	if n.Int("weight_prepacked", 0) != 0 {
		b.fail(n, "weight_prepacked is not supported")
		return nil
	}
	if !slices.Contains([]int{2, 4, 8}, bits) || k < 1 || cols < 1 || size < 1 || size*bits%8 != 0 ||
		k > 1<<30 || size > 1<<30 {
		b.fail(n, "K is %d, N %d, bits %d and block_size %d, want positive sizes and 2, 4 or 8 bits", k, cols, bits, size)
		return nil
	}
	blocks := (k + size - 1) / size
	switch {
	case len(x.Shape) < 1 || x.Shape[len(x.Shape)-1] != k:
		b.fail(n, "A has shape %v, want rows of %d", x.Shape, k)
	case w.DType != tensor.Uint8 || w.Len()/cols != blocks*size*bits/8 || w.Len()%cols != 0:
		b.fail(n, "B is %v%v, want uint8 [%d,%d,%d]", w.DType, w.Shape, cols, blocks, size*bits/8)
	case !scales.DType.IsFloat() || scales.Len() != cols*blocks:
		b.fail(n, "scales are %v%v, want floats [%d,%d]", scales.DType, scales.Shape, cols, blocks)
	case groups != nil && (!groups.DType.IsInteger() || groups.Len() < k):
		b.fail(n, "g_idx is %v%v, want integers [%d]", groups.DType, groups.Shape, k)
	}
	if b.Err != nil {
		return nil
	}
	integers, err := b.centredBits(n, k, cols, blocks)
	if err != nil {
		b.Err = err
		return nil
	}
	per := b.Reshape(scales, []int{cols, blocks})
	if groups != nil {
		per = b.Op("Gather", Attrs{"axis": int64(1)}, per, b.slice(b.Reshape(groups, []int{groups.Len()}), 0, 0, k))
	} else {
		per = b.repeated(per, 1, size, k)
	}
	y := b.Op("MatMul", nil, x, b.transpose(b.Op("Mul", nil, integers, b.cast(per, x.DType)), 1, 0))
	if bias := n.Input(5); bias != nil {
		y = b.Op("Add", nil, y, bias)
	}
	return []*Value{y}
}

// centredBits are the integers of a MatMulNBits without their zero points, [N,K], as
// floats of A's type.
func (b *Builder) centredBits(n *Node, k, cols, blocks int) (*Value, error) {
	bits, size, w, zero, groups := n.Int("bits", 4), n.Int("block_size", 0), n.In[1], n.Input(3), n.Input(4)
	for name, v := range map[string]*Value{"B": w, "zero_points": zero, "g_idx": groups} {
		if v != nil && v.Const == nil {
			return nil, n.Unknown(v, name)
		}
	}
	if err := n.need("its weights as floats", 8*k*cols); err != nil {
		return nil, err
	}
	at := func(bytes []byte, i int) int { // of a row of packed integers
		return int(bytes[i*bits/8]) >> (i * bits % 8) & (1<<bits - 1)
	}
	row := w.Len() / cols
	packed := (blocks*bits + 7) / 8
	point := func(c, block int) float32 { return float32(int(1) << (bits - 1)) }
	switch {
	case zero == nil:
	case zero.DType == tensor.Uint8 && zero.Len() == cols*packed:
		point = func(c, block int) float32 { return float32(at(zero.Const.U8()[c*packed:], block)) }
	case zero.DType == tensor.Float32 && zero.Len() == cols*blocks:
		point = func(c, block int) float32 { return zero.Const.F32()[c*blocks+block] }
	default:
		return nil, n.Errorf("zero_points are %v%v, want uint8 [%d,%d] or floats [%d,%d]",
			zero.DType, zero.Shape, cols, packed, cols, blocks)
	}
	t := tensor.New(tensor.Float32, cols, k)
	for c := range cols {
		if n.stopped(c) {
			return nil, errStopped
		}
		bytes := w.Const.U8()[c*row:][:row]
		for i := range k {
			block := i / size
			if groups != nil {
				if block = int(groups.Const.Number(i)); block < 0 || block >= blocks {
					return nil, n.Errorf("g_idx has %d, want blocks below %d", block, blocks)
				}
			}
			t.F32()[c*k+i] = float32(at(bytes, i)) - point(c, block)
		}
	}
	return b.cast(b.Const(t), n.In[0].DType), b.Err
}
