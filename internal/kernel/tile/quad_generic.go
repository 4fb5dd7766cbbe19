//go:build !amd64 || purego

package tile

import "memprobe/internal/kernel/ref"

// HasQuads reports whether RunQuad is fast.
func HasQuads() bool { return false }

// RunQuad is [ref.QuadTile] or, with offsets, [ref.OffsetQuadTile].
func RunQuad(q *ref.Quad, rows int) { plainQuad(q, rows) }
