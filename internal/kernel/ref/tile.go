package ref

import "unsafe"

// The micro-kernel's tile of C.
const (
	MR = 6  // rows
	NR = 16 // columns, in two halves
	VL = 8  // columns of a half
)

// Tile describes one step of a blocked product, of any number of rows and NR
// columns in two halves of VL that lie wherever their pointers say:
//
//	C[i][j] = clamp(Alpha·Σk A[k][i]·B[k][j] + C[i][j] + Bias + Residual[i][j])
//
// Rows of C and of the residual are LDC elements apart. The old C, the bias and
// the residual count only where asked for. Pointers that are not used are nil.
type Tile struct {
	K int
	A *float32 // packed, for each MR rows [K][MR]
	// For the strided kernels, A[k][i] is at A + i·RowA + k·StepA elements instead, for the
	// turned ones at A + 16·i + k/16·StepA + k%16, and K a multiple of 16; RowA is 16.
	RowA, StepA int
	// B is packed [K][NR] from B0 on for the packed kernels. For the others, the
	// halves of row k are the VL elements at B0+Off[k] and at B1+Off[k].
	B0, B1 *float32
	Off    *int32 // [K] byte offsets

	C0, C1 *float32
	LDC    int
	// Columns that are stored of each half, 0 to VL. B is read in full.
	N0, N1 int

	BiasRow       *float32 // one for each row
	Bias0, Bias1  *float32 // one for each column of the halves
	Res0, Res1    *float32
	Alpha, Lo, Hi float32
	Scale         bool // multiply by Alpha
	Accumulate    bool
	Clamp         bool
	Panels        int // of MR rows, for the assembly
	// Fetch is the first of Fetches pieces of memory that the strided kernels of AVX-512 bring
	// into the second-level cache on the way, as far as they get; nil for none.
	Fetch   *Piece
	Fetches int
	// Next is the first of NextPieces pieces of 256 bytes that the packed kernels of AVX-512
	// fetch on the way, since they are packed next; nil for none. NextLast+1 of them, a power
	// of two, make a row; NextStep bytes after its end the next row begins.
	Next                           *float32
	NextPieces, NextLast, NextStep int
}

// Piece is memory that is fetched, Turns times 256 bytes from an address on. That is a number, so
// that pieces keep no memory alive and may be kept themselves.
type Piece struct {
	At    uintptr
	Turns int
}

// PieceOf returns the piece that holds n floats from p on; n is at least 1.
func PieceOf(p *float32, n int) Piece {
	const turn = 64 // floats
	return Piece{uintptr(unsafe.Pointer(p)), (n + turn - 1) / turn}
}

func at(p *float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*i))
}

// TilePacked computes rows of t from a packed B.
func TilePacked(t *Tile, rows int) {
	for ; rows > 0; rows -= MR {
		var acc [MR][NR]float32
		for k := range t.K {
			b := (*[NR]float32)(unsafe.Pointer(at(t.B0, NR*k)))
			for i := range min(rows, MR) {
				a, row := *at(t.A, MR*k+i), &acc[i]
				for j := range row {
					row[j] += a * b[j]
				}
			}
		}
		t.finish(&acc, rows)
	}
}

// TileOffset computes rows of t from a B in place.
func TileOffset(t *Tile, rows int) {
	for ; rows > 0; rows -= MR {
		var acc [MR][NR]float32
		for k := range t.K {
			off := int(*(*int32)(unsafe.Add(unsafe.Pointer(t.Off), 4*k))) / 4
			b0 := (*[VL]float32)(unsafe.Pointer(at(t.B0, off)))
			b1 := (*[VL]float32)(unsafe.Pointer(at(t.B1, off)))
			for i := range min(rows, MR) {
				a, row := *at(t.A, MR*k+i), &acc[i]
				for j := range VL {
					row[j] += a * b0[j]
					row[VL+j] += a * b1[j]
				}
			}
		}
		t.finish(&acc, rows)
	}
}

// TileStrided computes rows of t from an A that is read in place and a packed B.
func TileStrided(t *Tile, rows int) {
	for ; rows > 0; rows -= MR {
		var acc [MR][NR]float32
		for k := range t.K {
			b := (*[NR]float32)(unsafe.Pointer(at(t.B0, NR*k)))
			for i := range min(rows, MR) {
				a, row := *at(t.A, i*t.RowA+k*t.StepA), &acc[i]
				for j := range row {
					row[j] += a * b[j]
				}
			}
		}
		t.finish(&acc, rows)
	}
}

// TileTurned computes rows of t from an A of blocks of 16 columns and a packed B.
func TileTurned(t *Tile, rows int) {
	for ; rows > 0; rows -= MR {
		var acc [MR][NR]float32
		for k := range t.K {
			b := (*[NR]float32)(unsafe.Pointer(at(t.B0, NR*k)))
			for i := range min(rows, MR) {
				a, row := *at(t.A, NR*i+k/NR*t.StepA+k%NR), &acc[i]
				for j := range row {
					row[j] += a * b[j]
				}
			}
		}
		t.finish(&acc, rows)
	}
}

// Skip moves t past rows, of a packed A whole panels; there must be rows after them.
func (t *Tile) Skip(rows int) {
	if t.RowA != 0 {
		t.A = at(t.A, rows*t.RowA)
	} else {
		t.A = at(t.A, rows*t.K)
	}
	t.C0, t.C1 = at(t.C0, rows*t.LDC), at(t.C1, rows*t.LDC)
	if t.BiasRow != nil {
		t.BiasRow = at(t.BiasRow, rows)
	}
	if t.Res0 != nil {
		t.Res0, t.Res1 = at(t.Res0, rows*t.LDC), at(t.Res1, rows*t.LDC)
	}
}

// finish applies the epilogue to a panel, stores it and moves on if there is more.
func (t *Tile) finish(acc *[MR][NR]float32, rows int) {
	for i := range min(rows, MR) {
		for h := range 2 {
			c, n, bias, res := t.C0, t.N0, t.Bias0, t.Res0
			if h == 1 {
				c, n, bias, res = t.C1, t.N1, t.Bias1, t.Res1
			}
			for j := range n {
				v := acc[i][VL*h+j]
				if t.Scale {
					v *= t.Alpha
				}
				if t.Accumulate {
					v += *at(c, i*t.LDC+j)
				}
				if t.BiasRow != nil {
					v += *at(t.BiasRow, i)
				}
				if bias != nil {
					v += *at(bias, j)
				}
				if res != nil {
					v += *at(res, i*t.LDC+j)
				}
				if t.Clamp {
					v = clamp(v, t.Lo, t.Hi)
				}
				*at(c, i*t.LDC+j) = v
			}
		}
	}
	if rows > MR {
		t.Skip(MR)
	}
}
