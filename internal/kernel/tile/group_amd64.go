//go:build amd64 && !purego

package tile

import (
	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
)

// HasGroups reports whether SumGroups is fast.
func HasGroups() bool { return cpu.AVX512 }

// SumGroups is [ref.SumGroups] of ref.GroupPixels pixels and one vector, of 1, 2 or 4 groups, or of
// half the pixels and two vectors of one group; stride is 1 or 2.
func SumGroups(g *ref.GroupSums, vectors, groups, stride int) {
	if !HasGroups() {
		ref.SumGroups(g, ref.GroupPixels/vectors, vectors, groups, stride)
		return
	}
	switch 100*vectors + 10*groups + stride {
	case 111:
		avx512.GroupSums14x1Of1By1(g)
	case 112:
		avx512.GroupSums14x1Of1By2(g)
	case 121:
		avx512.GroupSums14x1Of2By1(g)
	case 122:
		avx512.GroupSums14x1Of2By2(g)
	case 141:
		avx512.GroupSums14x1Of4By1(g)
	case 142:
		avx512.GroupSums14x1Of4By2(g)
	case 211:
		avx512.GroupSums7x2Of1By1(g)
	case 212:
		avx512.GroupSums7x2Of1By2(g)
	}
}

// WeavePlanes is [ref.WeavePlanes] of 1, 2 or 4 groups.
func WeavePlanes(w *ref.Weave, groups int) {
	switch {
	case !HasGroups():
		ref.WeavePlanes(w, groups)
	case groups == 1:
		avx512.Weave1(w)
	case groups == 2:
		avx512.Weave2(w)
	default:
		avx512.Weave4(w)
	}
}
