//go:build amd64 && !purego

package kernel

// fastest replaces what package avx2 has where the CPU can run it.
func fastest() table[float32] {
	t := plain[float32]()
	if !useAVX2 {
		return t
	}
	return t
}
