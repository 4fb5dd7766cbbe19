//go:build amd64 && !purego

package pixel

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
)

// The kernels of package avx2 cover a row by vectors of 8, so narrower ones are
// left to Go.

func scaleRows(dst, src *float32, rows, ldd, lds, n int, at *int32, weight *float32) {
	if cpu.AVX2 && n >= 8 {
		avx2.ScaleRows(dst, src, rows, ldd, lds, n, at, weight)
		return
	}
	ref.ScaleRows(dst, src, rows, ldd, lds, n, at, weight)
}

func scaleColumns(dst, src *float32, rows, ld, n int, at *int32, weight *float32) {
	if cpu.AVX2 && n >= 8 {
		avx2.ScaleColumns(dst, src, rows, ld, n, at, weight)
		return
	}
	ref.ScaleColumns(dst, src, rows, ld, n, at, weight)
}

func gatherInside(dst, src *float32, at *int32, n int) {
	if cpu.AVX2 && n >= 8 {
		avx2.GatherInside(dst, src, at, n)
		return
	}
	ref.GatherInside(dst, src, at, n)
}

func turnHue(r, g, b *float32, n int, turn float32) {
	if cpu.AVX2 {
		avx2.TurnHue(r, g, b, n, turn)
		return
	}
	ref.TurnHue(r, g, b, n, turn)
}
