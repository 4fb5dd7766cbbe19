//go:build amd64 && !purego

package pool

import (
	"math"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
)

// Planes where they lie give the bits of padded copies and of ref, of zeros with a sign
// and of infinities too.
func TestRowsBits(t *testing.T) {
	kerneltest.NeedAVX512(t)
	cases := 0
	for i, s := range poolSpecs(600) {
		if s.DilationH, s.DilationW = 1, 1; i%2 == 0 {
			s.KW, s.W = 2+i%4/2, s.W+i%80
		}
		if s.Validate() != nil || !suitsRows(s) {
			continue
		}
		nx, ny := s.Lengths()
		x := kerneltest.Normal(nx, uint64(i), 0)
		for k, v := range []float64{0, math.Copysign(0, -1), math.Copysign(0, -1), 0, math.Inf(1), math.Inf(-1), math.Inf(-1)} {
			for at := k; at < nx; at += 5 + k {
				x[at] = float32(v)
			}
		}
		n := New[float32](nil, s)
		for name, m := range map[string]*planePool{"maxima": n.planeMax, "averages": n.planeAvg} {
			if m == nil || ny == 0 {
				continue
			}
			got, want, plain := make([]float32, ny), make([]float32, ny), make([]float32, ny)
			m.allocate()
			if m.poolRun = (poolRun[float32]{y: want, x: x}); name == "averages" { // no NaN by inf-inf: their bits may differ
				for i := range x {
					x[i] = max(min(x[i], 9), -9)
				}
			}
			for p := 0; p < s.N*s.C; p += m.perPass {
				m.pass(0, p, min(p+m.perPass, s.N*s.C))
			}
			if !m.inPlace.run(got, x, 0, s.N*s.C) {
				t.Errorf("%+v: a NaN is found where there is none", s)
			}
			k := m.inPlace.kernel
			k.Planes, k.X, k.Y = s.N*s.C, &x[0], &plain[0]
			if name == "averages" {
				ref.AvgRows(&k, s.KW, s.StrideW)
			} else {
				ref.MaxRows(&k, s.KW, s.StrideW)
			}
			for i := range got {
				if a, b, c := math.Float32bits(got[i]), math.Float32bits(want[i]), math.Float32bits(plain[i]); a != b || a != c {
					t.Fatalf("%+v: %s: element %d is %v in place, %v of a copy, %v by ref", s, name, i, got[i], want[i], plain[i])
				}
			}
			cases++
		}
	}
	if cases < 200 {
		t.Errorf("%d cases, want 200 at least", cases)
	}
}

// Maxima are found where the definition finds them, of equal ones the first: by the kernels
// where all are numbers above -Inf, else by rows of windows.
func TestRowsLocate(t *testing.T) {
	kerneltest.NeedAVX512(t)
	located := 0
	for i, s := range poolSpecs(600) {
		if s.DilationH, s.DilationW = 1, 1; i%2 == 0 {
			s.KW, s.W = 2+i%4/2, s.W+i%80
		}
		nx, ny := s.Lengths()
		if s.Validate() != nil || !suitsRows(s) || ny == 0 {
			continue
		}
		x := kerneltest.Normal(nx, uint64(i), 0)
		for k := range x { // many ties, of zeros with either sign too
			x[k] = float32(math.Round(2 * float64(x[k])))
		}
		if i%5 == 0 {
			x[nx/2], x[nx/3] = float32(math.Inf(1)), float32(math.Inf(-1))
		}
		want, at, got, index := make([]float32, ny), make([]int32, ny), make([]float32, ny), make([]int32, ny)
		ref.MaxPool(s, want, at, x)
		check := func(what string, y []float32, index []int32) {
			for i := range y {
				if math.Float32bits(y[i]) != math.Float32bits(want[i]) || index[i] != at[i] {
					t.Fatalf("%+v: %s: maximum %d is %v at %d, want %v at %d", s, what, i, y[i], index[i], want[i], at[i])
				}
			}
		}
		n := New[float32](nil, s)
		if m := n.planeMax; m != nil {
			k := m.inPlace.kernel
			k.Planes, k.X, k.Y, k.Index = s.N*s.C, &x[0], &got[0], &index[0]
			sure := ref.MaxIndexRows(&k, s.KW, s.StrideW)
			if sure {
				located++
				check("ref", got, index)
			}
			y, index := kerneltest.Noise(ny, 3), make([]int32, ny)
			if m.inPlace.locate(y, index, x, 0, s.N*s.C) != sure {
				t.Fatalf("%+v: the kernel is not of ref's opinion that what it finds is right: %t", s, sure)
			} else if kerneltest.Intact(t, y); sure {
				check("in place", y, index)
			}
		}
	}
	if located < 100 {
		t.Errorf("%d cases, want 100 at least", located)
	}
}

// A NaN is found wherever a window covers it.
func TestMaxRowsFindNaN(t *testing.T) {
	kerneltest.NeedAVX512(t)
	for _, s := range poolSpecs(60) {
		s.N, s.C, s.DilationH, s.DilationW = 1, 1, 1, 1
		if s.Validate() != nil || !suitsRows(s) {
			continue
		}
		nx, ny := s.Lengths()
		if ny == 0 {
			continue
		}
		n, x := New[float32](nil, s), make([]float32, nx)
		y, want := make([]float32, ny), make([]float32, ny)
		for at := range x {
			x[at] = float32(math.NaN())
			ref.MaxPool(s, want, nil, x)
			for _, index := range [][]int32{nil, make([]int32, ny)} {
				n.Max(y, index, x)
				if err := kerneltest.Same(y, want); err != nil {
					t.Fatalf("%+v: NaN at %d: %v", s, at, err)
				}
			}
			x[at] = 0
		}
	}
}
