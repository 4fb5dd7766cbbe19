//go:build !amd64 || purego

package picture

import "memprobe/internal/kernel/ref"

func blendAlong(dst, src *uint8, rows, ldd, lds, n int, at, weight *int32, taps int) {
	ref.BlendAlong(dst, src, rows, ldd, lds, n, at, weight, taps)
}

func blendDown(dst, src *uint8, ld, n int, weight *int32, taps int) {
	ref.BlendDown(dst, src, ld, n, weight, taps)
}

func colours(r, g, b, luma, blue, red *uint8, n int) { ref.Colours(r, g, b, luma, blue, red, n) }

func double(dst, near, far *uint8, n int) { ref.Double(dst, near, far, n) }

func inverseCosine(dst *uint8, stride int, b *int32) { ref.InverseCosine(dst, stride, b) }
