package kernel

import "memprobe/internal/kernel/ref"

// tileKind is how a tile finds its operands.
type tileKind uint8

const (
	packedTile  tileKind = iota // A and B are packed panels, see [ref.TilePacked]
	offsetTile                  // A is packed, and row k of B is read at Off[k], see [ref.TileOffset]
	stridedTile                 // A is read in place, B is a packed panel, see [ref.TileStrided]
)

// plainTile is runTile in plain Go.
func plainTile(k tileKind, t *ref.Tile, rows int) {
	switch k {
	case packedTile:
		ref.TilePacked(t, rows)
	case offsetTile:
		ref.TileOffset(t, rows)
	case stridedTile:
		ref.TileStrided(t, rows)
	}
}
