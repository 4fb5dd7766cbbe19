//go:build amd64 && !purego

package kernel

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/ref"
)

// tilePacked is [ref.TilePacked].
func tilePacked(t *ref.Tile, rows int) {
	if !useAVX2 {
		ref.TilePacked(t, rows)
		return
	}
	if useAVX512 && fullWidth512 && rows >= 2*mr {
		t.Panels = rows / (2 * mr)
		avx512.TilePacked12(t)
		if rows %= 2 * mr; rows == 0 {
			return
		}
		t.Skip(2 * t.Panels)
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
	if useAVX512 && fullWidth512 && rows >= 2*mr {
		t.Panels = rows / (2 * mr)
		avx512.TileOffset12(t)
		if rows %= 2 * mr; rows == 0 {
			return
		}
		t.Skip(2 * t.Panels)
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
	if useAVX512 && fullWidth512 && rows >= 2*mr {
		t.Panels = rows / (2 * mr)
		avx512.TileStrided12(t)
		if rows %= 2 * mr; rows == 0 {
			return
		}
		t.Skip(2 * t.Panels)
	}
	if useAVX512 && rows == 8 {
		avx512.TileStrided8(t)
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

// tilePackedPair is tilePacked of t and, if there is one, of u. Both share what is
// not of columns: all but B0, B1, C0, C1, N0, N1 and the like of the bias and
// the residual.
func tilePackedPair(t, u *ref.Tile, rows int) {
	if u == nil || !useAVX512 {
		tilePacked(t, rows)
		if u != nil {
			tilePacked(u, rows)
		}
		return
	}
	if t.Panels = rows / (2 * mr); t.Panels > 0 {
		avx512.PairPacked12(t, u)
	}
	if rows = skipPair(t, u, rows, 2*t.Panels); rows >= mr {
		avx512.PairPacked6(t, u)
		rows = skipPair(t, u, rows, 1)
	}
	switch rows {
	case 5:
		avx512.PairPacked5(t, u)
	case 4:
		avx512.PairPacked4(t, u)
	case 3:
		avx512.PairPacked3(t, u)
	case 2:
		avx512.PairPacked2(t, u)
	case 1:
		avx512.PairPacked1(t, u)
	}
}

// tileOffsetPair is tileOffset of t and, if there is one, of u; see tilePackedPair.
func tileOffsetPair(t, u *ref.Tile, rows int) {
	if u == nil || !useAVX512 {
		tileOffset(t, rows)
		if u != nil {
			tileOffset(u, rows)
		}
		return
	}
	if t.Panels = rows / (2 * mr); t.Panels > 0 {
		avx512.PairOffset12(t, u)
	}
	if rows = skipPair(t, u, rows, 2*t.Panels); rows >= mr {
		avx512.PairOffset6(t, u)
		rows = skipPair(t, u, rows, 1)
	}
	switch rows {
	case 5:
		avx512.PairOffset5(t, u)
	case 4:
		avx512.PairOffset4(t, u)
	case 3:
		avx512.PairOffset3(t, u)
	case 2:
		avx512.PairOffset2(t, u)
	case 1:
		avx512.PairOffset1(t, u)
	}
}

// tileStridedPair is tileStrided of t and, if there is one, of u; see tilePackedPair.
func tileStridedPair(t, u *ref.Tile, rows int) {
	if u == nil || !useAVX512 {
		tileStrided(t, rows)
		if u != nil {
			tileStrided(u, rows)
		}
		return
	}
	if t.Panels = rows / (2 * mr); t.Panels > 0 {
		avx512.PairStrided12(t, u)
	}
	if rows = skipPair(t, u, rows, 2*t.Panels); rows >= mr {
		avx512.PairStrided6(t, u)
		rows = skipPair(t, u, rows, 1)
	}
	switch rows {
	case 5:
		avx512.PairStrided5(t, u)
	case 4:
		avx512.PairStrided4(t, u)
	case 3:
		avx512.PairStrided3(t, u)
	case 2:
		avx512.PairStrided2(t, u)
	case 1:
		avx512.PairStrided1(t, u)
	}
}

// skipPair moves both tiles past panels that are done and returns the rows that
// are left.
func skipPair(t, u *ref.Tile, rows, panels int) int {
	if rows -= panels * mr; rows > 0 && panels > 0 {
		t.Skip(panels)
		u.Skip(panels)
	}
	return rows
}
