//go:build amd64 && !purego

package picture

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
)

// The kernels of package avx2 cover a row by whole vectors, so narrower ones are left to
// Go.

func blendAlong(dst, src *uint8, rows, ldd, lds, n int, at, weight *int32, taps int) {
	if cpu.AVX2 && n >= 8 && taps%Padded == 0 {
		avx2.BlendAlong(dst, src, rows, ldd, lds, n, at, weight, taps)
		return
	}
	ref.BlendAlong(dst, src, rows, ldd, lds, n, at, weight, taps)
}

func blendDown(dst, src *uint8, ld, n int, weight *int32, taps int) {
	if cpu.AVX2 && n >= 8 {
		avx2.BlendDown(dst, src, ld, n, weight, taps)
		return
	}
	ref.BlendDown(dst, src, ld, n, weight, taps)
}

func colours(r, g, b, luma, blue, red *uint8, n int) {
	if cpu.AVX2 && n >= 8 {
		avx2.Colours(r, g, b, luma, blue, red, n)
		return
	}
	ref.Colours(r, g, b, luma, blue, red, n)
}

func double(dst, near, far *uint8, n int) {
	if cpu.AVX2 && n >= 16 {
		avx2.Double(dst, near, far, n)
		return
	}
	ref.Double(dst, near, far, n)
}

func inverseCosine(dst *uint8, stride int, b *int32) {
	if cpu.AVX2 {
		avx2.InverseCosine(dst, stride, b)
		return
	}
	ref.InverseCosine(dst, stride, b)
}
