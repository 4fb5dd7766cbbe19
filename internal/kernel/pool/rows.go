package pool

import (
	"math"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
)

// rows computes what a planePool does from the planes where they lie, in one pass. It
// gives the same bits: the elements of a window are combined in the same order.
type rows struct {
	taps, stride int
	list         []ref.PoolRow
	strips       []ref.Strip
	kernel       ref.PoolRows
}

// suitsRows reports whether the kernels have the window and its stride.
func suitsRows(s Spec) bool {
	return s.DilationH == 1 && s.DilationW == 1 && (s.KW == 2 || s.KW == 3) && s.StrideW <= 2 && s.H*s.W < 1<<29
}

// newRows makes it for the planes of m.
func newRows(m *planePool) *rows {
	s, averages := m.spec, m.counts != nil
	n := &rows{taps: s.KW, stride: s.StrideW,
		strips: ref.NewStrips(m.ow, s.W, s.KW, s.StrideW, s.PadLeft)}
	for r := range m.oh {
		first := r*s.StrideH - s.PadTop
		lo, hi := max(first, 0), min(first+s.KH, s.H)
		row := ref.PoolRow{First: int64(4 * lo * s.W), Count: int32(max(hi-lo, 0)), Start: m.padding}
		if averages && hi-lo == s.KH {
			row.Start = float32(math.Copysign(0, -1)) // which leaves every sum as it is, that of -0 too
		}
		n.list = append(n.list, row)
	}
	n.kernel = ref.PoolRows{Rows: &n.list[0], OutH: m.oh, Strips: &n.strips[0], NStrips: len(n.strips),
		Width: 4 * s.W, PlaneX: 4 * s.H * s.W, LDY: 4 * m.ow}
	if averages {
		n.kernel.Divisor = &m.counts[0]
	}
	return n
}

// run computes the planes [lo, hi) and tells whether it could: maxima where some
// element is NaN it leaves undefined.
func (n *rows) run(y, x []float32, lo, hi int) bool {
	k := n.kernel
	k.Planes = hi - lo
	k.X, k.Y = tile.At(x, lo*k.PlaneX/4), tile.At(y, lo*k.OutH*k.LDY/4)
	if k.Divisor != nil {
		avgRows(&k, n.taps, n.stride)
		return true
	}
	return maxRows(&k, n.taps, n.stride)
}

// locate computes the maxima of the planes [lo, hi) and where they lie, and tells whether it
// could: not where some element is NaN, or all of a window are -Inf.
func (n *rows) locate(y []float32, index []int32, x []float32, lo, hi int) bool {
	k := n.kernel
	k.Planes = hi - lo
	k.X, k.Y, k.Index = tile.At(x, lo*k.PlaneX/4), tile.At(y, lo*k.OutH*k.LDY/4), &index[lo*k.OutH*k.LDY/4]
	return maxIndexRows(&k, n.taps, n.stride)
}
