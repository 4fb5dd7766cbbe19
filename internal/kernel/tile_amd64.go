//go:build amd64 && !purego

package kernel

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/ref"
)

// tilePacked is [ref.TilePacked].
func tilePacked(t *ref.Tile, rows int) {
	if !useAVX2 {
		ref.TilePacked(t, rows)
		return
	}
	if t.Panels = rows / mr; t.Panels > 0 {
		avx2.TilePacked6(t)
		if rows%mr == 0 {
			return
		}
		t.Skip(t.Panels)
	}
	switch rows % mr {
	case 5:
		avx2.TilePacked5(t)
	case 4:
		avx2.TilePacked4(t)
	case 3:
		avx2.TilePacked3(t)
	case 2:
		avx2.TilePacked2(t)
	case 1:
		avx2.TilePacked1(t)
	}
}

// tileOffset is [ref.TileOffset].
func tileOffset(t *ref.Tile, rows int) {
	if !useAVX2 {
		ref.TileOffset(t, rows)
		return
	}
	if t.Panels = rows / mr; t.Panels > 0 {
		avx2.TileOffset6(t)
		if rows%mr == 0 {
			return
		}
		t.Skip(t.Panels)
	}
	switch rows % mr {
	case 5:
		avx2.TileOffset5(t)
	case 4:
		avx2.TileOffset4(t)
	case 3:
		avx2.TileOffset3(t)
	case 2:
		avx2.TileOffset2(t)
	case 1:
		avx2.TileOffset1(t)
	}
}

// tileStrided is [ref.TileStrided].
func tileStrided(t *ref.Tile, rows int) {
	if !useAVX2 {
		ref.TileStrided(t, rows)
		return
	}
	if t.Panels = rows / mr; t.Panels > 0 {
		avx2.TileStrided6(t)
		if rows%mr == 0 {
			return
		}
		t.Skip(t.Panels)
	}
	switch rows % mr {
	case 5:
		avx2.TileStrided5(t)
	case 4:
		avx2.TileStrided4(t)
	case 3:
		avx2.TileStrided3(t)
	case 2:
		avx2.TileStrided2(t)
	case 1:
		avx2.TileStrided1(t)
	}
}

// fmaLoop runs n rounds of independent multiply-adds and returns the operations
// that it did.
func fmaLoop(n int) float64 {
	if !useAVX2 {
		return 0
	}
	avx2.Peak(n)
	return float64(n) * 12 * 8 * 2
}
