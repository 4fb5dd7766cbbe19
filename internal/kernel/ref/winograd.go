package ref

import (
	"fmt"
	"unsafe"
)

// Form is a form of Winograd's minimal filtering F(M×M, 3×3): M×M outputs of a
// convolution whose windows are Stride apart, from tiles of n×n pixels, by n² products.
//
// Of two pixels a stride of 2 apart the first and the third tap read one kind, the even
// pixels of the tile, and the second tap the other. In one dimension the products are
// those of F(M, 2) on the even pixels, and M of the odd pixels with the second tap. The data
// gradient has as many: two neighbouring pixels of dx, one with the second tap and one with
// the others, come from each of M elements of dy, and tiles of M·Stride from M+1.
type Form struct{ M, Stride int }

// Size is n, the side of a tile before and after the change of its basis.
func (f Form) Size() int { return (f.M-1)*f.Stride + 3 }

// Step is how many pixels the tiles are apart.
func (f Form) Step() int { return f.M * f.Stride }

func (f Form) String() string {
	if f.Stride == 1 {
		return fmt.Sprint(f.M)
	}
	return fmt.Sprintf("%dStride%d", f.M, f.Stride)
}

// Change is a change of basis of a form, see [Form]. w' is w with its rows and columns in the
// opposite order, and dx the data gradient of stride 2, from its first pixel that the second
// tap reaches on:
//
//	y  = Aᵀ[(G·w·Gᵀ) ⊙ (Bᵀ·x·B)]A
//	dw = Gᵀ[(A·dy·Aᵀ) ⊙ (Bᵀ·x·B)]G
//	dx = Cᵀ[(G·w'·Gᵀ) ⊙ (D·dy·Dᵀ)]C
//
// Each is t ↦ L·t·Lᵀ for a matrix L.
type Change uint8

// The changes of basis, by what they are applied to.
const (
	ChangeInput      Change = iota // L = Bᵀ [n,n]
	ChangeOutput                   // L = Aᵀ [m,n]
	ChangeWeight                   // L = G  [n,3]
	ChangeOutputGrad               // L = A  [n,m]
	ChangeWeightGrad               // L = Gᵀ [3,n]

	ChangeTransposedInput  // L = D [n,m+1], of dy where dx is computed
	ChangeTransposedOutput // L = Cᵀ [m·stride,n]
)

// Changes lists the changes of basis of a form: of a stride of 1 the data gradient is a
// convolution with w' itself.
func (f Form) Changes() []Change {
	all := []Change{ChangeInput, ChangeOutput, ChangeWeight, ChangeOutputGrad, ChangeWeightGrad}
	if f.Stride > 1 {
		all = append(all, ChangeTransposedInput, ChangeTransposedOutput)
	}
	return all
}

func (c Change) String() string {
	return [...]string{"Input", "Output", "Weight", "OutputGrad", "WeightGrad",
		"TransposedInput", "TransposedOutput"}[c]
}

// Points returns the points at which a form interpolates, beside infinity: 0, then
// pairs of a point and its negative, then others. There are the forms of M 2 and 4 with a
// stride of 1, and of M 2 with a stride of 2.
//
// The error grows with the spread of the powers of the points. ±5/8 and ±3/2
// have a product near 1, and every constant of A and B is exact in float32; the
// customary ±1 and ±2 double the error.
// See Barabasz et al., Error Analysis and Improving the Accuracy of Winograd
// Convolution for Deep Neural Networks, ACM TOMS 46 (2020).
func (f Form) Points() []float64 {
	switch f {
	case Form{2, 1}:
		return []float64{0, 1, -1}
	case Form{4, 1}:
		return []float64{0, 5. / 8, -5. / 8, 3. / 2, -3. / 2}
	case Form{2, 2}:
		return []float64{0, 1}
	}
	panic(fmt.Sprintf("ref: no form F(%d×%d, 3×3) of stride %d", f.M, f.M, f.Stride))
}

// Matrix returns L of a change of basis of a form.
func (c Change) Matrix(f Form) [][]float64 {
	a, b, g := f.matrices()
	switch c {
	case ChangeInput:
		return b
	case ChangeOutput:
		return transposed(a)
	case ChangeWeight:
		return g
	case ChangeOutputGrad:
		return a
	case ChangeWeightGrad:
		return transposed(g)
	}
	d, out := f.transposed()
	if c == ChangeTransposedInput {
		return d
	}
	return out
}

// matrices returns A, Bᵀ and G.
func (f Form) matrices() (a, b, g [][]float64) {
	if f.Stride == 1 {
		return toomCook(f.M, 3, f.Points())
	}
	m, n := f.M, f.Size()
	evenA, evenB, evenG := toomCook(m, 2, f.Points())
	a, b, g = zeros(n, m), zeros(n, n), zeros(n, 3)
	for i := range m + 1 {
		copy(a[i], evenA[i])
		for j, v := range evenB[i] {
			b[i][2*j] = v
		}
		g[i][0], g[i][2] = evenG[i][0], evenG[i][1]
	}
	for i := range m {
		odd := m + 1 + i
		a[odd][i], b[odd][2*i+1], g[odd][1] = 1, 1, 1
	}
	return a, b, g
}

// transposed returns D and Cᵀ of a form of stride 2.
func (f Form) transposed() (d, out [][]float64) {
	m, n := f.M, f.Size()
	a, b, _ := toomCook(m, 2, f.Points())
	d, out = zeros(n, m+1), zeros(f.Step(), n)
	copy(d, b)
	for i := range m {
		second := m + 1 + i
		d[second][i], out[2*i][second] = 1, 1
		for j := range m + 1 {
			out[2*i+1][j] = a[j][i]
		}
	}
	return d, out
}

// toomCook returns A, Bᵀ and G of F(m, taps), by the construction of Toom and Cook:
// row p of A holds the powers of point p, row p of G the same divided by
// N = Π (p−q) over the other points q, and row p of Bᵀ the coefficients of
// Π (x−q). The point at infinity is the last.
func toomCook(m, taps int, points []float64) (a, b, g [][]float64) {
	n := m + taps - 1
	a, b, g = zeros(n, m), zeros(n, n), zeros(n, taps)
	for i, p := range points {
		scale, others := 1.0, []float64{1}
		for j, q := range points {
			if j != i {
				scale *= p - q
				others = timesRoot(others, q)
			}
		}
		for k, power := 0, 1.0; k < max(m, taps); k, power = k+1, power*p {
			if k < m {
				a[i][k] = power
			}
			if k < taps {
				g[i][k] = power / scale
			}
		}
		copy(b[i], others)
	}
	all := []float64{1}
	for _, p := range points {
		all = timesRoot(all, p)
	}
	copy(b[n-1], all)
	a[n-1][m-1], g[n-1][taps-1] = 1, 1
	return a, b, g
}

func zeros(rows, cols int) [][]float64 {
	z := make([][]float64, rows)
	for i := range z {
		z[i] = make([]float64, cols)
	}
	return z
}

func transposed(a [][]float64) [][]float64 {
	t := zeros(len(a[0]), len(a))
	for i, row := range a {
		for j, v := range row {
			t[j][i] = v
		}
	}
	return t
}

// timesRoot multiplies a polynomial, lowest power first, by x−q.
func timesRoot(poly []float64, q float64) []float64 {
	p := make([]float64, len(poly)+1)
	for i, c := range poly {
		p[i+1] += c
		p[i] -= q * c
	}
	return p
}

// Tiles describes N tiles to change the basis of, for NR neighbouring channels
// at a time. Element (i,j) of tile t is the NR floats at i·Row + j·Col + t·Tile.
type Tiles struct {
	Dst, Src                *float32
	N                       int
	DstRow, DstCol, DstTile int
	SrcRow, SrcCol, SrcTile int
}

// Transform computes dst = L·src·Lᵀ for each tile and channel, tile after tile and
// each in the order of its rows: where tiles of dst overlap the last one stays.
func Transform(l [][]float64, t *Tiles) {
	q, p := len(l), len(l[0])
	var half [36]float32 // L·src
	for n := range t.N {
		for lane := range NR {
			for i := range q {
				for j := range p {
					sum := float32(0)
					for k, c := range l[i] {
						sum += float32(c) * *at(t.Src, n*t.SrcTile+k*t.SrcRow+j*t.SrcCol+lane)
					}
					half[i*p+j] = sum
				}
			}
			for i := range q {
				for j := range q {
					sum := float32(0)
					for k, c := range l[j] {
						sum += float32(c) * half[i*p+k]
					}
					*at(t.Dst, n*t.DstTile+i*t.DstRow+j*t.DstCol+lane) = sum
				}
			}
		}
	}
}

// Planes describes pixels whose NR channels lie side by side and that are to be
// stored as rows of planes:
//
//	Dst[i·LD+k] = clamp(Src[k·NR+i] + Bias[i] + Residual[i·LD+k]), i < Rows, k < N
type Planes struct {
	Dst, Src, Bias, Residual *float32 // the last two may be nil
	Rows, LD, N              int
	Lo, Hi                   float32
}

// Part returns p for n of its pixels, from k on.
func (p *Planes) Part(k, n int) Planes {
	part := *p
	part.Src, part.Dst, part.N = at(p.Src, k*NR), at(p.Dst, k), n
	if p.Residual != nil {
		part.Residual = at(p.Residual, k)
	}
	return part
}

// Spread computes p.
func Spread(p *Planes) {
	for i := range p.Rows {
		for k := range p.N {
			v := *at(p.Src, k*NR+i)
			if p.Bias != nil {
				v += *at(p.Bias, i)
			}
			if p.Residual != nil {
				v += *at(p.Residual, i*p.LD+k)
			}
			*at(p.Dst, i*p.LD+k) = clamp(v, p.Lo, p.Hi)
		}
	}
}

// Pixels describes N pixels of planes, in rows of W that follow each other, of which VL channels
// are to be stored side by side, rows Gap pixels apart:
//
//	Dst[(k + k/W·Gap)·NR + i] = Src[i·LD + k], i < Rows, k < N
//
// Zeros take the place of other channels, and lie between the rows.
type Pixels struct {
	Dst, Src    *float32
	Rows, LD, N int
	W, Gap      int
}

// ChannelsLast computes p.
func ChannelsLast(p *Pixels) {
	pixel := 0
	for k := range p.N {
		for between := p.Gap; k > 0 && k%p.W == 0 && between > 0; between-- {
			clear(unsafe.Slice(at(p.Dst, pixel*NR), VL))
			pixel++
		}
		for i := range VL {
			v := float32(0)
			if i < p.Rows {
				v = *at(p.Src, i*p.LD+k)
			}
			*at(p.Dst, pixel*NR+i) = v
		}
		pixel++
	}
}
