package ref

// RowSums describes rows that are the sums or the differences of two others:
//
//	Dst[r·LDD+j] = A[r·LDA+j] ± B[r·LDB+j], r < Rows, j < N
//
// Dst may be A or B, and overlaps neither otherwise.
type RowSums struct {
	Dst, A, B     *float32
	LDD, LDA, LDB int
	Rows, N       int
	Minus         bool
}

// SumRows computes s.
func SumRows(s *RowSums) {
	for r := range s.Rows {
		for j := range s.N {
			a, b := *at(s.A, r*s.LDA+j), *at(s.B, r*s.LDB+j)
			if s.Minus {
				b = -b
			}
			*at(s.Dst, r*s.LDD+j) = a + b
		}
	}
}

// Quarters describes the last step of a product by Strassen's seven, whose rows of NR columns
// lie at M, LDM floats apart:
//
//	C11 = M0+M3−M4+M6   C12 = M2+M4
//	C21 = M1+M3         C22 = M0−M1+M2+M5
//
// each clamped after its bias and its residual are added. Rows of C11 and C12, and of what is
// added to them, are LD1 floats apart, those of C21 and C22 LD2. C11 to C22 may be the memory of M0 to M3.
type Quarters struct {
	M                  *float32
	LDM                int
	C11, C12, C21, C22 *float32
	R11, R12, R21, R22 *float32 // the residual's, all or none nil
	Bias1, Bias2       *float32 // NR each, of the left and of the right quarters; or nil
	LD1, LD2           int
	Rows               int
	Lo, Hi             float32
}

// JoinQuarters computes q.
func JoinQuarters(q *Quarters) {
	for r := range q.Rows {
		for j := range NR {
			m := func(i int) float32 { return *at(q.M, i*q.LDM+r*NR+j) }
			c11, c12 := m(0)+m(3)-m(4)+m(6), m(2)+m(4)
			c21, c22 := m(1)+m(3), m(0)-m(1)+m(2)+m(5)
			finish := func(c, res, bias *float32, ld int, v float32) {
				if bias != nil {
					v += *at(bias, j)
				}
				if res != nil {
					v += *at(res, r*ld+j)
				}
				*at(c, r*ld+j) = clamp(v, q.Lo, q.Hi)
			}
			finish(q.C11, q.R11, q.Bias1, q.LD1, c11)
			finish(q.C12, q.R12, q.Bias2, q.LD1, c12)
			finish(q.C21, q.R21, q.Bias1, q.LD2, c21)
			finish(q.C22, q.R22, q.Bias2, q.LD2, c22)
		}
	}
}
