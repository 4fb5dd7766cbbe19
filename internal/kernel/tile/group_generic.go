//go:build !amd64 || purego

package tile

import "memprobe/internal/kernel/ref"

// HasGroups reports whether SumGroups is fast.
func HasGroups() bool { return false }

// SumGroups is [ref.SumGroups] of ref.GroupPixels pixels and one vector, of 1, 2 or 4 groups, or of
// half the pixels and two vectors of one group; stride is 1 or 2.
func SumGroups(g *ref.GroupSums, vectors, groups, stride int) {
	ref.SumGroups(g, ref.GroupPixels/vectors, vectors, groups, stride)
}

// WeavePlanes is [ref.WeavePlanes] of 1, 2 or 4 groups.
func WeavePlanes(w *ref.Weave, groups int) { ref.WeavePlanes(w, groups) }
