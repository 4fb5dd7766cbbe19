//go:build !amd64 || purego

package kernel

import "memprobe/internal/kernel/ref"

// tilePacked is [ref.TilePacked].
func tilePacked(t *ref.Tile, rows int) { ref.TilePacked(t, rows) }

// tileOffset is [ref.TileOffset].
func tileOffset(t *ref.Tile, rows int) { ref.TileOffset(t, rows) }

// tileStrided is [ref.TileStrided].
func tileStrided(t *ref.Tile, rows int) { ref.TileStrided(t, rows) }

// fmaLoop is not available.
func fmaLoop(int) float64 { return 0 }
