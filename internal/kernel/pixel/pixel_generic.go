//go:build !amd64 || purego

package pixel

import "memprobe/internal/kernel/ref"

func scaleRows(dst, src *float32, rows, ldd, lds, n int, at *int32, weight *float32) {
	ref.ScaleRows(dst, src, rows, ldd, lds, n, at, weight)
}

func scaleColumns(dst, src *float32, rows, ld, n int, at *int32, weight *float32) {
	ref.ScaleColumns(dst, src, rows, ld, n, at, weight)
}

func gatherInside(dst, src *float32, at *int32, n int) { ref.GatherInside(dst, src, at, n) }

func turnHue(r, g, b *float32, n int, turn float32) { ref.TurnHue(r, g, b, n, turn) }
