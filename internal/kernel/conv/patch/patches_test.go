package patch

import (
	"slices"
	"testing"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/tile"
)

// pixels are numbered from 1 on, so that padding is no pixel.
func pixels(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i + 1)
	}
	return x
}

var shapes = []method.Spec{
	{N: 1, C: 2, H: 4, W: 4, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1,
		PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	{N: 1, C: 1, H: 7, W: 9, KH: 3, KW: 2, StrideH: 2, StrideW: 3, DilationH: 1, DilationW: 2, PadTop: 2, PadRight: 1},
	{N: 1, C: 3, H: 5, W: 21, KH: 2, KW: 4, StrideH: 1, StrideW: 2, DilationH: 2, DilationW: 1, PadLeft: 3, PadBottom: 2},
	{N: 1, C: 1, H: 6, W: 6, KH: 1, KW: 1, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1},
}

// In every layout, what a tap reads for a result lies at its offset from the result's vector.
func TestTapsReadTheirPixels(t *testing.T) {
	const images = 2
	for _, s := range shapes {
		for _, layout := range []Layout{Split, Flat, Full} {
			p, phases := Forward(s)
			p.Channels, p.OutImage = s.C, p.OutH*p.OutW
			p.Size(layout, p.OutH, images)
			p.Tabulate()
			x, xs := pixels(images*s.C*s.H*s.W), make([]float32, p.Len())
			p.Fill(xs, x, images, s.C*s.H*s.W, 0, p.OutH, 0, s.C)
			if len(phases) != 1 || len(phases[0].Taps) != s.KH*s.KW {
				t.Fatalf("%+v: phases %v", s, phases)
			}
			off, results := p.Offsets(), 0
			for _, v := range p.Vectors(p.OutH, images, tile.VL) {
				for i := range int(v.N) {
					results++
					to := int(v.Dst) + i
					n, r, q := to/p.OutImage, to%p.OutImage/p.OutW, to%p.OutW
					for k := range off {
						c, tap := k/(s.KH*s.KW), k%(s.KH*s.KW)
						h := r*s.StrideH - s.PadTop + tap/s.KW*s.DilationH
						w := q*s.StrideW - s.PadLeft + tap%s.KW*s.DilationW
						want := float32(0)
						if h >= 0 && h < s.H && w >= 0 && w < s.W {
							want = x[((n*s.C+c)*s.H+h)*s.W+w]
						}
						if got := xs[int(v.Src)+i+int(off[k])/4]; got != want {
							t.Fatalf("%+v, %v: tap %d of channel %d reads %g for row %d, column %d of image %d, want %g",
								s, layout, tap, c, got, r, q, n, want)
						}
					}
				}
			}
			if results != images*p.OutImage {
				t.Errorf("%+v, %v: vectors of %d results, want %d", s, layout, results, images*p.OutImage)
			}
		}
	}
}

// The phases of a data gradient, each a convolution of stride 1, give it together once
// they are placed.
func TestPhasesAreTheDataGradient(t *testing.T) {
	for _, s := range shapes {
		s.C = 1
		p, phases := GradX(s)
		p.Channels, p.OutImage = 1, p.OutH*p.OutW
		p.Size(Split, p.OutH, 1)
		dy, w := pixels(s.OutH()*s.OutW()), pixels(s.KH*s.KW)
		xs := make([]float32, p.Len())
		p.Fill(xs, dy, 1, len(dy), 0, p.OutH, 0, 1)
		off, out := p.Offsets(), make([]float32, len(phases)*p.OutImage)
		for f, phase := range phases {
			for _, v := range p.Vectors(p.OutH, 1, tile.VL) {
				for i := range int(v.N) {
					for _, tap := range phase.Taps {
						out[f*p.OutImage+int(v.Dst)+i] += w[tap] * xs[int(v.Src)+i+int(off[tap])/4]
					}
				}
			}
		}
		placer, dx := NewPlacer(s, phases), make([]float32, s.H*s.W)
		placer.Place(dx, out, p.OutImage, 0, p.OutH)
		want := make([]float32, s.H*s.W)
		for o, d := range dy {
			for tap, v := range w {
				h := o/s.OutW()*s.StrideH - s.PadTop + tap/s.KW*s.DilationH
				q := o%s.OutW()*s.StrideW - s.PadLeft + tap%s.KW*s.DilationW
				if h >= 0 && h < s.H && q >= 0 && q < s.W {
					want[h*s.W+q] += d * v
				}
			}
		}
		if !slices.Equal(dx, want) { // integers: exact
			t.Errorf("%+v: %v, want %v", s, dx, want)
		}
	}
}
