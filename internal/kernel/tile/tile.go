package tile

import "memprobe/internal/kernel/ref"

// Kind is how a tile finds its operands.
type Kind uint8

const (
	Packed  Kind = iota // A and B are packed panels, see [ref.TilePacked]
	Offset              // A is packed, and row k of B is read at Off[k], see [ref.TileOffset]
	Strided             // A is read in place, B is a packed panel, see [ref.TileStrided]
	Turned              // the same, of blocks of 16 columns, see [ref.TileTurned]
)

// plain is Run in plain Go.
func plain(k Kind, t *ref.Tile, rows int) {
	switch k {
	case Packed:
		ref.TilePacked(t, rows)
	case Offset:
		ref.TileOffset(t, rows)
	case Strided:
		ref.TileStrided(t, rows)
	case Turned:
		ref.TileTurned(t, rows)
	}
}

// plainQuad is RunQuad in plain Go.
func plainQuad(q *ref.Quad, rows int) {
	if q.Off != nil {
		ref.OffsetQuadTile(q, rows)
		return
	}
	ref.QuadTile(q, rows)
}
