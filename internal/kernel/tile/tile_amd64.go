//go:build amd64 && !purego

package tile

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
)

// Run computes rows rows of t: panels of 12 where a vector of 512 bits does the
// work of two, the last of 13 or 16, then panels of 6, then what is left.
func Run(k Kind, t *ref.Tile, rows int) {
	if !cpu.AVX2 {
		plain(k, t, rows)
		return
	}
	if cpu.AVX512 && cpu.FullWidth512 && rows >= 2*MR {
		panels, last := rows/(2*MR), 0
		if rest := rows % (2 * MR); (k == Strided || k == Turned) && (rest == 1 || rest == 4) {
			panels, last = panels-1, 2*MR+rest // they are rows of the last panel
		}
		rows = panelsOf(k, 2*MR, panels, t, nil, rows)
		if last > 0 {
			rows = panelsOf(k, last, 1, t, nil, rows)
		}
		if rows == 0 {
			return
		}
	}
	if cpu.AVX512 && k == Strided && rows == 8 {
		wide(k, 8, t)
		return
	}
	if t.Panels = rows / MR; t.Panels > 0 {
		narrow(k, MR, t)
		if rows %= MR; rows == 0 {
			return
		}
		t.Skip(MR * t.Panels)
	}
	narrow(k, rows, t)
}

// RunPair is Run of t and, if there is one, of u. Both share what is not of
// columns: all but B0, B1, C0, C1, N0, N1 and the like of the bias and the residual.
func RunPair(k Kind, t, u *ref.Tile, rows int) {
	if u == nil || !cpu.AVX512 {
		Run(k, t, rows)
		if u != nil {
			Run(k, u, rows)
		}
		return
	}
	panels, more := rows/(2*MR), 0 // of twelve rows, and of one more
	if rest := rows % (2 * MR); (k == Strided || k == Turned) && rest <= panels && (t.K >= longK || rest == 1) {
		panels, more = panels-rest, rest // no rows are left over
	}
	if more > panels { // those that are more come first, since the first fetch
		rows, more = panelsOf(k, 2*MR+1, more, t, u, rows), 0
	}
	rows = panelsOf(k, 2*MR, panels, t, u, rows)
	rows = panelsOf(k, 2*MR+1, more, t, u, rows)
	rows = panelsOf(k, MR, rows/MR, t, u, rows)
	pair(k, rows, t, u)
}

// longK is from how many terms on panels of 13 rows are faster than twelves and a rest. Of fewer their sums
// take longer to store than the rest.
const longK = 128

// panelsOf computes panels of n of the rows, moves t past them, and u if there is one, and returns the rows that are
// left. They fetch what t lists; later ones do not.
func panelsOf(k Kind, n, panels int, t, u *ref.Tile, rows int) int {
	if panels == 0 {
		return rows
	}
	left := rows - n*panels
	if t.Panels = panels; u == nil {
		wide(k, n, t)
	} else {
		pair(k, n, t, u)
	}
	t.Fetches = 0
	if left > 0 {
		t.Skip(n * panels)
		if u != nil {
			u.Skip(n * panels)
		}
	}
	return left
}

// The tables below are switches, for a call through a variable would move the tile
// to the heap. None of them does anything for 0 rows.

// narrow calls the kernel of package avx2 for panels of 6 rows, or for fewer rows.
func narrow(k Kind, rows int, t *ref.Tile) {
	switch k {
	case Packed:
		switch rows {
		case 6:
			avx2.TilePacked6(t)
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
	case Offset:
		switch rows {
		case 6:
			avx2.TileOffset6(t)
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
	case Strided:
		switch rows {
		case 6:
			avx2.TileStrided6(t)
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
	case Turned:
		switch rows {
		case 6:
			avx2.TileTurned6(t)
		case 5:
			avx2.TileTurned5(t)
		case 4:
			avx2.TileTurned4(t)
		case 3:
			avx2.TileTurned3(t)
		case 2:
			avx2.TileTurned2(t)
		case 1:
			avx2.TileTurned1(t)
		}
	}
}

// wide calls the kernel of package avx512 for panels of 12 rows; strided tiles
// may have 8.
func wide(k Kind, rows int, t *ref.Tile) {
	switch k {
	case Packed:
		switch rows {
		case 12:
			avx512.TilePacked12(t)
		}
	case Offset:
		switch rows {
		case 12:
			avx512.TileOffset12(t)
		}
	case Strided:
		switch rows {
		case 16:
			avx512.TileStrided16(t)
		case 13:
			avx512.TileStrided13(t)
		case 12:
			avx512.TileStrided12(t)
		case 8:
			avx512.TileStrided8(t)
		}
	case Turned:
		switch rows {
		case 16:
			avx512.TileTurned16(t)
		case 13:
			avx512.TileTurned13(t)
		case 12:
			avx512.TileTurned12(t)
		}
	}
}

// pair calls the kernel of package avx512 for two tiles, side by side: for panels
// of 12 rows, or for 6 or fewer rows; strided and turned tiles may have 13.
func pair(k Kind, rows int, t, u *ref.Tile) {
	switch k {
	case Packed:
		switch rows {
		case 12:
			avx512.PairPacked12(t, u)
		case 6:
			avx512.PairPacked6(t, u)
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
	case Offset:
		switch rows {
		case 12:
			avx512.PairOffset12(t, u)
		case 6:
			avx512.PairOffset6(t, u)
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
	case Strided:
		switch rows {
		case 13:
			avx512.PairStrided13(t, u)
		case 12:
			avx512.PairStrided12(t, u)
		case 6:
			avx512.PairStrided6(t, u)
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
	case Turned:
		switch rows {
		case 13:
			avx512.PairTurned13(t, u)
		case 12:
			avx512.PairTurned12(t, u)
		case 6:
			avx512.PairTurned6(t, u)
		case 5:
			avx512.PairTurned5(t, u)
		case 4:
			avx512.PairTurned4(t, u)
		case 3:
			avx512.PairTurned3(t, u)
		case 2:
			avx512.PairTurned2(t, u)
		case 1:
			avx512.PairTurned1(t, u)
		}
	}
}
