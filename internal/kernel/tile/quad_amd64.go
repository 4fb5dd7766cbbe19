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

// RunQuad is [ref.QuadTile].
func RunQuad(q *ref.Quad, rows int) {
	if !HasQuads() {
		ref.QuadTile(q, rows)
		return
	}
	if q.Panels = rows / MR; q.Panels > 0 {
		avx512.Quad6(q)
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
	switch rows {
	case 5:
		avx512.Quad5(&rest)
	case 4:
		avx512.Quad4(&rest)
	case 3:
		avx512.Quad3(&rest)
	case 2:
		avx512.Quad2(&rest)
	case 1:
		avx512.Quad1(&rest)
	}
}

// ahead is the address n elements after p.
func ahead(p *float32, n int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*n)) }
