//go:build !amd64 || purego

package kernel

import "memprobe/internal/kernel/ref"

// runTile computes rows rows of t.
func runTile(k tileKind, t *ref.Tile, rows int) { plainTile(k, t, rows) }

// runTilePair is runTile of t and, if there is one, of u.
func runTilePair(k tileKind, t, u *ref.Tile, rows int) {
	plainTile(k, t, rows)
	if u != nil {
		plainTile(k, u, rows)
	}
}
