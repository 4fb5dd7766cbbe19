package conv

import (
	"fmt"
	"slices"
	"testing"

	"memprobe/internal/kernel/kerneltest"
)

// stems lists the first convolutions of networks: 3 input channels, large results.
func stems() []Spec {
	stem := func(size, m, k, stride, pad int) Spec {
		s := kerneltest.SquareConv(2, 3, size, m, k, stride, 1)
		s.PadTop, s.PadLeft, s.PadBottom, s.PadRight = pad, pad, pad, pad
		s.Bias, s.Constant = true, true
		return s
	}
	return []Spec{
		stem(224, 32, 3, 2, 1),    // MobileNetV2, MnasNet, EfficientNet
		stem(224, 16, 3, 2, 1),    // MobileNetV3
		stem(224, 64, 7, 2, 3),    // ResNet, DenseNet, GoogLeNet
		stem(224, 64, 3, 2, 0),    // SqueezeNet
		stem(224, 32, 3, 2, 0),    // Inception v3
		stem(224, 64, 3, 1, 1),    // VGG
		stem(224, 96, 4, 4, 0),    // ConvNeXt
		stem(224, 768, 16, 16, 0), // ViT
	}
}

// What is fetched for all jobs is the input, but for rows that no window covers.
func TestQuadFetches(t *testing.T) {
	for _, s := range stems() {
		d := newDirect(nil, s)
		if !d.quads || d.sharesCopies {
			continue
		}
		nx, _, _ := s.Lengths()
		d.X = make([]float32, nx)
		for i := range d.inputs() {
			j := d.job(i)
			for c := range (j.n1 - j.n0) * d.inC {
				for part := range 7 {
					x := d.inputOf(&j, c, part, 7)
					for k := range x {
						x[k] = 1
					}
				}
			}
		}
		if n := slices.Index(d.X, 0); n >= 0 && n%(s.H*s.W) < (s.H-1)*s.W {
			t.Errorf("%+v: element %d is not fetched", s, n)
		}
	}
}

// BenchmarkStems measures the first convolutions of networks on one thread: warm, and as in a
// network, which has used other memory since the last run.
func BenchmarkStems(b *testing.B) {
	const apart = 6 << 20 // floats
	for _, s := range stems() {
		c := New(nil, s)
		nx, nw, ny := s.Lengths()
		w, bias := kerneltest.Noise(nw, 2), kerneltest.Noise(s.M, 4)
		packed, scratch := make([]float32, c.PackedLen()), make([]float32, c.Scratch())
		c.Prepack(packed, w)
		for name, sets := range map[string]int{"warm": 1, "cold": 1 + apart/(nx+ny)} {
			x, y := kerneltest.Noise(sets*nx, 1), kerneltest.Noise(sets*ny, 3)
			b.Run(fmt.Sprintf("%d_%dx%d_s%d/%s/%s", s.M, s.KH, s.KW, s.StrideH, name, c.Algorithm()), func(b *testing.B) {
				i := 0
				kerneltest.ReportBest(b, 2*float64(ny)*float64(s.C*s.KH*s.KW), func() {
					c.RunPacked(y[i*ny:][:ny], x[i*nx:][:nx], packed, bias, nil, scratch)
					i = (i + 1) % sets
				})
			})
		}
	}
}
