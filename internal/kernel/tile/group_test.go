package tile

import (
	"slices"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

// Sums of groups are those of the definition, and nothing is written beside them.
func TestSumGroups(t *testing.T) {
	for trial := range 60 {
		vectors, groups, stride := 1, 1<<(trial%4), 1+trial/4%2
		if groups == 8 {
			vectors, groups = 2, 1
		}
		pixels, k, tiles := ref.GroupPixels/vectors, 1+trial%7, 1+trial%3
		x, w := kerneltest.Noise(2000, 1), kerneltest.Noise(k*ref.GroupTaps*vectors*NR, 2)
		off := make([]int32, k)
		for i := range off {
			off[i] = int32(4 * (i * 53 % 500))
		}
		panel := tiles * pixels * NR
		got := kerneltest.Noise(vectors*panel, 3)
		g := ref.GroupSums{X: &x[0], W: &w[0], Dst: &got[0], Off: &off[0], K: k, Tiles: tiles, StepX: 4 * 301, StepDst: 4 * panel,
			Fetch: [2]ref.Lines{ref.LinesOf(&x[0], 300), ref.LinesOf(&w[0], trial)}}
		SumGroups(&g, vectors, groups, stride)
		kerneltest.Intact(t, got)
		first := g.Fetch[0]
		if g.Fetched(); g.Fetch[0].Pairs != max(0, 10-k*tiles) || g.Fetch[0].At != first.At+uintptr(128*min(10, k*tiles)) {
			t.Fatalf("trial %d: %v is left of %v", trial, g.Fetch[0], first)
		}
		plain := slices.Clone(got)
		g.Dst = &plain[0]
		ref.SumGroups(&g, pixels, vectors, groups, stride)
		m := NR / groups
		for i := range plain {
			v, tile, p, j := i/panel, i%panel/(pixels*NR), i/NR%pixels, i%NR
			want := 0.0
			for l := range k {
				for tap := range ref.GroupTaps {
					lane := j%m*groups + j/m
					want += float64(w[((l*ref.GroupTaps+tap)*vectors+v)*NR+lane]) *
						float64(x[301*tile+int(off[l])/4+(p*stride+tap)*groups+j/m])
				}
			}
			for name, sum := range map[string]float32{"SumGroups": got[i], "ref": plain[i]} {
				if err := tol.Close([]float32{sum}, []float64{want}, 1e-5, 1e-6); err != nil {
					t.Fatalf("%s, trial %d, sum %d: %v", name, trial, i, err)
				}
			}
		}
	}
}

// Woven planes are those of the definition.
func TestWeavePlanes(t *testing.T) {
	for trial := range 90 {
		groups, width, pad := 1<<(trial%3), 1+trial*5%37, trial%4
		const planes, height, rows = 3, 6, 7
		strips := (width+2*pad)/NR + 1
		masks := make([]uint16, strips)
		for q := range width {
			masks[(q+pad)/NR] |= 1 << ((q + pad) % NR)
		}
		src := kerneltest.Noise(groups*planes*height*width, 1)
		got := kerneltest.Noise(planes*rows*strips*NR*groups, 2)
		w := ref.Weave{Dst: &got[0], Src: &src[0], Planes: planes, PlaneD: 4 * rows * strips * NR * groups, PlaneS: 4 * height * width,
			GroupS: 4 * planes * height * width, Rows: rows, First: trial%5 - 2, Height: height,
			LDD: 4 * strips * NR * groups, LDS: 4 * width, PadLeft: pad, Masks: &masks[0], Strips: strips}
		WeavePlanes(&w, groups)
		kerneltest.Intact(t, got)
		plain := slices.Clone(got)
		w.Dst = &plain[0]
		ref.WeavePlanes(&w, groups)
		for i := range got {
			plane, r, q, g := i/groups/NR/strips/rows, i/groups/NR/strips%rows+w.First, i/groups%(NR*strips)-pad, i%groups
			want := float32(0)
			if r >= 0 && r < height && q >= 0 && q < width {
				want = src[((g*planes+plane)*height+r)*width+q]
			}
			if got[i] != want || plain[i] != want {
				t.Fatalf("trial %d: element %d is %g, in Go %g, want %g", trial, i, got[i], plain[i], want)
			}
		}
	}
}
