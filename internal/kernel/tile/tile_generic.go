//go:build !amd64 || purego

package tile

import "memprobe/internal/kernel/ref"

// Run computes rows rows of t.
func Run(k Kind, t *ref.Tile, rows int) { plain(k, t, rows) }

// RunPair is Run of t and, if there is one, of u.
func RunPair(k Kind, t, u *ref.Tile, rows int) {
	plain(k, t, rows)
	if u != nil {
		plain(k, u, rows)
	}
}
