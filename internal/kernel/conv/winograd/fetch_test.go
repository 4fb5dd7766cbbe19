package winograd

import (
	"slices"
	"testing"
	"unsafe"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
)

// within reports whether an address lies in x.
func within(x []float32, at uintptr) bool {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(x)))
	return at >= first && at < first+uintptr(4*len(x))
}

// What is fetched during a pass are the tiles of the next one, weights that come later, and in the course of
// the last passes all of the output; no more pieces than there is room for.
func TestFetches(t *testing.T) {
	for _, c := range []struct {
		name                string
		n, channels, size   int
		out                 int
		constant, late, far bool
	}{
		{"weights packed once", 2, 512, 14, 512, true, false, true},
		{"weights packed in every step", 8, 300, 32, 64, false, false, true},
		{"weights changed late", 32, 300, 4, 96, false, true, true},
		{"all in the second level", 8, 16, 32, 32, false, false, false},
	} {
		s := kerneltest.SquareConv(c.n, c.channels, c.size, c.out, 3, 1, 1)
		s.Constant = c.constant
		w := New(nil, s, ref.Form{M: 4, Stride: 1})
		if w.late != c.late || w.fetches != c.far {
			t.Fatalf("%s: late %t, fetches %t", c.name, w.late, w.fetches)
		}
		_, nw, ny := s.Lengths()
		weights, y, packed := make([]float32, nw), make([]float32, ny), make([]float32, w.PackedLen())
		w.forwardRun = forwardRun{Operands: method.Operands{Y: y, W: weights, Packed: packed}}
		b := w.block(w.blocks() - 1)
		p := product{Conv: w, v: make([]float32, w.inputLen()), u: changed{packed, 0, 0, w.weightPitch}, next: make([]ref.Piece, 0, w.pieces()),
			tiles: b.tiles(&w.tiling), q1: w.inBlock}
		p.written = w.written(&b, p.q0, p.q1)
		passes := passesOf(w)
		turns := map[string]int{}
		for i, at := range passes {
			if c.late {
				p.raw = w.rawWeights(p.q0, p.q1, at[1])
			}
			after := passes[(i+1)%len(passes)]
			tiles := ref.PieceOf(tile.At(p.v, after[0]*w.pitch+w.at(after[1])), p.tiles*w.ld)
			for q := p.q0; q < p.q1; q += 2 {
				pieces := p.next[:p.fetch(at[0], at[1], q)]
				if c.far && q == p.q0 && !slices.Contains(pieces, tiles) {
					t.Errorf("%s: the tiles of pass %d are not fetched before it", c.name, i+1)
				}
				for _, piece := range pieces {
					switch {
					case within(y, piece.At):
						turns["output"] += piece.Turns
					case within(packed, piece.At) || within(weights, piece.At):
						turns["weights"] += piece.Turns
					case piece != tiles:
						t.Errorf("%s: a piece lies outside the operands", c.name)
					}
				}
			}
		}
		if floats := p.written.count * p.written.n; c.far != (turns["weights"] > 0) || c.far != (64*turns["output"] >= floats) {
			t.Errorf("%s: %v turns for an output of %d floats", c.name, turns, floats)
		}
	}
}

// passesOf are the elements and the channels of the passes over a pair of panels, in order.
func passesOf(w *Conv) (passes [][2]int) {
	for e := range w.elements() {
		for k0 := 0; k0 < w.spec.C; k0 += w.depth {
			passes = append(passes, [2]int{e, k0})
		}
	}
	if w.late {
		slices.SortStableFunc(passes, func(a, b [2]int) int { return a[1] - b[1] })
	}
	return passes
}

// Of a weight gradient what multiplies next is fetched, the tiles of all panels and of D.
func TestGradWFetches(t *testing.T) {
	w := planGradW(nil, kerneltest.SquareConv(20, 256, 16, 200, 3, 1, 1), ref.Form{M: 4, Stride: 1}, 16<<20) // 320 tiles in a step
	if w.nrows*w.ncols < manyParts || w.stepTiles <= passDepth {
		t.Fatalf("%d×%d parts, steps of %d tiles", w.nrows, w.ncols, w.stepTiles)
	}
	v, d := make([]float32, w.elements()*w.pitchV), make([]float32, w.elements()*w.pitchD)
	ld, panels := w.rows*tile.NR, w.cols
	type call struct {
		gradPass
		q int
	}
	var calls []call
	for e := range w.elements() {
		for k0 := 0; k0 < w.stepTiles; k0 += passDepth {
			for q := 0; q < panels; q += 2 {
				calls = append(calls, call{gradPass{e, k0, w.stepTiles}, q})
			}
		}
	}
	for i, c := range calls {
		pieces := w.next[0][:w.fetch(w.next[0], v, d, c.gradPass, c.q, panels)]
		if i+1 == len(calls) {
			if len(pieces) > 0 {
				t.Errorf("%d pieces after the last product", len(pieces))
			}
			break
		}
		after := calls[i+1]
		for q := after.q; q < min(after.q+2, panels); q++ {
			if want := ref.PieceOf(&v[after.e*w.pitchV+(q*w.stepTiles+after.k0)*tile.NR], after.depth()*tile.NR); !slices.Contains(pieces, want) {
				t.Errorf("%+v: panel %d of %+v is not fetched", c, q, after)
			}
		}
		if later := i + (panels+1)/2; c.q == 0 && later < len(calls) {
			after := calls[later]
			if want := ref.PieceOf(&d[after.e*w.pitchD+after.k0*ld], after.depth()*ld); !slices.Contains(pieces, want) {
				t.Errorf("%+v: the rows of %+v are not fetched", c, after)
			}
		}
	}
}
