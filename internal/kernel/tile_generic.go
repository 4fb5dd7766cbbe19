//go:build !amd64 || purego

package kernel

import "memprobe/internal/kernel/ref"

// tilePacked is [ref.TilePacked].
func tilePacked(t *ref.Tile, rows int) { ref.TilePacked(t, rows) }

// tileOffset is [ref.TileOffset].
func tileOffset(t *ref.Tile, rows int) { ref.TileOffset(t, rows) }

// tileStrided is [ref.TileStrided].
func tileStrided(t *ref.Tile, rows int) { ref.TileStrided(t, rows) }

// tilePackedPair is tilePacked of t and, if there is one, of u.
func tilePackedPair(t, u *ref.Tile, rows int) {
	ref.TilePacked(t, rows)
	if u != nil {
		ref.TilePacked(u, rows)
	}
}

// tileOffsetPair is tileOffset of t and, if there is one, of u.
func tileOffsetPair(t, u *ref.Tile, rows int) {
	ref.TileOffset(t, rows)
	if u != nil {
		ref.TileOffset(u, rows)
	}
}

// tileStridedPair is tileStrided of t and, if there is one, of u.
func tileStridedPair(t, u *ref.Tile, rows int) {
	ref.TileStrided(t, rows)
	if u != nil {
		ref.TileStrided(u, rows)
	}
}
