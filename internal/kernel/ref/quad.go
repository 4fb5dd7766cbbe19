package ref

// QuadNR is how many columns a tile of four vectors of AVX-512 has.
const QuadNR = 64

// Quad describes a product, of any number of rows and N columns that are neighbours in B and
// in C, both of which are read and written where they lie:
//
//	C[i][j] = clamp(Σk A[k][i]·B[k][j] + Bias[i] + Residual[i][j]), j < N ≤ QuadNR
//
// A is packed, for each MR rows [K][MR]. Rows of B are LDB elements apart, those of C and of
// the residual LDC.
type Quad struct {
	K, N     int
	A, B, C  *float32
	LDB, LDC int
	Bias     *float32 // or nil
	Residual *float32 // or nil
	Lo, Hi   float32
	Panels   int // of MR rows, for the assembly
	// Next is the first of NextRows rows of 256 bytes, NextStep bytes apart, that the
	// assembly fetches on the way, since they are read next; nil for none.
	Next               *float32
	NextRows, NextStep int
}

// QuadTile computes rows of q.
func QuadTile(q *Quad, rows int) {
	for i := range rows {
		for j := range q.N {
			sum := float32(0)
			for k := range q.K {
				sum += *at(q.A, (i/MR*q.K+k)*MR+i%MR) * *at(q.B, k*q.LDB+j)
			}
			if q.Bias != nil {
				sum += *at(q.Bias, i)
			}
			if q.Residual != nil {
				sum += *at(q.Residual, i*q.LDC+j)
			}
			*at(q.C, i*q.LDC+j) = clamp(sum, q.Lo, q.Hi)
		}
	}
}
