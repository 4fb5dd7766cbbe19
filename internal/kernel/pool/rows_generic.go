//go:build !amd64 || purego

package pool

import "memprobe/internal/kernel/ref"

// hasRows reports whether there are kernels of [ref.PoolRows].
func hasRows() bool { return false }

// maxRows is [ref.MaxRows].
func maxRows(p *ref.PoolRows, taps, stride int) bool { return ref.MaxRows(p, taps, stride) }

// maxIndexRows is [ref.MaxIndexRows].
func maxIndexRows(p *ref.PoolRows, taps, stride int) bool { return ref.MaxIndexRows(p, taps, stride) }

// avgRows is [ref.AvgRows].
func avgRows(p *ref.PoolRows, taps, stride int) { ref.AvgRows(p, taps, stride) }
