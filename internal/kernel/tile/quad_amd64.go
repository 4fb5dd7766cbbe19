//go:build amd64 && !purego

package tile

import (
	"unsafe"

	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
)

// HasQuads reports whether RunQuad is fast.
func HasQuads() bool { return cpu.AVX512 }

// RunQuad is [ref.QuadTile] or, with offsets, [ref.OffsetQuadTile].
func RunQuad(q *ref.Quad, rows int) {
	if !HasQuads() {
		plainQuad(q, rows)
		return
	}
	if q.Panels = rows / MR; q.Panels > 0 {
		quad(q, MR)
	}
	done := q.Panels * MR
	if rows -= done; rows == 0 {
		return
	}
	rest := *q
	if q.Panels > 1 {
		rest.NextRows = 0 // all are fetched
	}
	rest.A, rest.C = ahead(q.A, done*q.K), ahead(q.C, done*q.LDC)
	if q.Bias != nil {
		rest.Bias = ahead(q.Bias, done)
	}
	if q.Residual != nil {
		rest.Residual = ahead(q.Residual, done*q.LDC)
	}
	quad(&rest, rows)
}

// quad calls the kernel for panels of 6 rows, or for fewer rows.
func quad(q *ref.Quad, rows int) {
	if q.Off != nil {
		switch rows {
		case 6:
			avx512.OffsetQuad6(q)
		case 5:
			avx512.OffsetQuad5(q)
		case 4:
			avx512.OffsetQuad4(q)
		case 3:
			avx512.OffsetQuad3(q)
		case 2:
			avx512.OffsetQuad2(q)
		case 1:
			avx512.OffsetQuad1(q)
		}
		return
	}
	if q.N <= NR { // the last columns of planes
		switch rows {
		case 6:
			avx512.NarrowQuad6(q)
		case 5:
			avx512.NarrowQuad5(q)
		case 4:
			avx512.NarrowQuad4(q)
		case 3:
			avx512.NarrowQuad3(q)
		case 2:
			avx512.NarrowQuad2(q)
		case 1:
			avx512.NarrowQuad1(q)
		}
		return
	}
	switch rows {
	case 6:
		avx512.Quad6(q)
	case 5:
		avx512.Quad5(q)
	case 4:
		avx512.Quad4(q)
	case 3:
		avx512.Quad3(q)
	case 2:
		avx512.Quad2(q)
	case 1:
		avx512.Quad1(q)
	}
}

// ahead is the address n elements after p.
func ahead(p *float32, n int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*n)) }
