//go:build !amd64 || purego

package winograd

import "memprobe/internal/kernel/ref"

// apply changes the basis of t.
func (c *change) apply(t *ref.Tiles) { ref.Transform(c.l, t) }
