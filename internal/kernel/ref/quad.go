package ref

import "unsafe"

// QuadNR is how many columns a tile of four vectors of AVX-512 has.
const QuadNR = 64

// Quad describes a product, of any number of rows and N columns that are neighbours in B and
// in C, both of which are read and written where they lie:
//
//	C[i][j] = clamp(Σk A[k][i]·B[k][j] + Bias[i] + Residual[i][j]), j < N ≤ QuadNR
//
// A is packed, for each MR rows [K][MR]. Rows of B are LDB elements apart, those of C and of
// the residual LDC. With offsets, its columns are four vectors of up to NR instead, each
// wherever Cols says, and row k of B is read at Off[k]:
//
//	C[i][Dst+j] = clamp(Σk A[k][i]·B[Src+Off[k]/4+j] + Bias[i] + Residual[i][Dst+j]), j < N
//
// of each vector's Src, Dst and N. B is read in full then, NR columns of each vector.
type Quad struct {
	K, N     int
	A, B, C  *float32
	LDB, LDC int
	Off      *int32   // [K] byte offsets, or nil
	Cols     *Vector  // four, with offsets
	Bias     *float32 // or nil
	Residual *float32 // or nil
	Clamp    bool
	Lo, Hi   float32
	Panels   int // of MR rows, for the assembly
	// Next is the first of NextRows rows of 256 bytes, NextStep bytes apart, that the
	// assembly fetches on the way, since they are read or written next; nil for none.
	Next               *float32
	NextRows, NextStep int
}

// QuadTile computes rows of q, without offsets.
func QuadTile(q *Quad, rows int) {
	for i := range rows {
		for j := range q.N {
			sum := float32(0)
			for k := range q.K {
				sum += *at(q.A, (i/MR*q.K+k)*MR+i%MR) * *at(q.B, k*q.LDB+j)
			}
			q.finish(sum, i, j)
		}
	}
}

// OffsetQuadTile computes rows of q, with offsets.
func OffsetQuadTile(q *Quad, rows int) {
	off := unsafe.Slice(q.Off, q.K)
	for i := range rows {
		for _, v := range unsafe.Slice(q.Cols, QuadNR/NR) {
			for j := range int(v.N) {
				sum := float32(0)
				for k := range off {
					sum += *at(q.A, (i/MR*q.K+k)*MR+i%MR) * *at(q.B, int(v.Src+off[k]/4)+j)
				}
				q.finish(sum, i, int(v.Dst)+j)
			}
		}
	}
}

// finish stores a result of row i, j elements after its first.
func (q *Quad) finish(sum float32, i, j int) {
	if q.Bias != nil {
		sum += *at(q.Bias, i)
	}
	if q.Residual != nil {
		sum += *at(q.Residual, i*q.LDC+j)
	}
	if q.Clamp {
		sum = clamp(sum, q.Lo, q.Hi)
	}
	*at(q.C, i*q.LDC+j) = sum
}
