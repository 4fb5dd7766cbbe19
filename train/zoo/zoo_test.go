package zoo

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/memory"
	"memprobe/internal/meta"
	"memprobe/onnx"
	"memprobe/onnx/engine"
)

// Published numbers of parameters: torchvision's, 1000 classes; of VGG without its
// classifier, 25088·4096 + 4096² + 4096·1000 weights and their biases; timm's
// vit_tiny_patch16_224 without the class token and its position.
func TestParameters(t *testing.T) {
	const vggHead = 25088*4096 + 4096 + 4096*4096 + 4096 + 4096*1000 + 1000
	for _, c := range []struct {
		arch, stem string
		classes    int
		want       int
		head       int // replaces the published head
	}{
		{"resnet18", ImageNet, 1000, 11_689_512, 0},
		{"resnet34", ImageNet, 1000, 21_797_672, 0},
		{"resnet50", ImageNet, 1000, 25_557_032, 0},
		{"resnet20", Small, 10, 272_474, 0}, // with projections as shortcuts
		{"vgg11", Small, 10, 132_863_336 - vggHead, 512*10 + 10},
		{"vgg11_bn", Small, 10, 132_868_840 - vggHead, 512*10 + 10},
		{"vgg16", Small, 10, 138_357_544 - vggHead, 512*10 + 10},
		{"vgg16_bn", Small, 10, 138_365_992 - vggHead, 512*10 + 10},
	} {
		if testing.Short() && c.arch != "resnet18" {
			continue
		}
		m := build(t, Spec{Arch: c.arch, Stem: c.stem, Classes: c.classes, C: 3, H: 224, W: 224})
		if got := parameters(t, m); got != c.want+c.head {
			t.Errorf("%s: %d parameters, want %d", c.arch, got, c.want+c.head)
		}
	}
	b := newBuilder(Spec{Arch: "vit", Stem: ImageNet, Width: 192, Classes: 1000, C: 3, H: 224, W: 224})
	if err := b.network(vit(12), linearHead("head")); err != nil {
		t.Fatal(err)
	}
	m, err := onnx.FromProto(b.model)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := parameters(t, m), 5_717_416-2*192; got != want {
		t.Errorf("vit of 12 blocks: %d parameters, want %d", got, want)
	}
}

func build(t *testing.T, s Spec) *onnx.Model {
	t.Helper()
	m, err := Build(s)
	if err != nil {
		t.Fatalf("%s: %v", s.Arch, err)
	}
	return m
}

func parameters(t *testing.T, m *onnx.Model) int {
	t.Helper()
	s := m.Inspect(1, nil)
	if len(s.Problems) > 0 {
		t.Fatal(engine.Problems(s.Problems))
	}
	return int(s.Parameters)
}

// Every architecture with every stem it has, at sizes of common images, yields
// finite logits of the right shape after an embedding of the right width.
func TestForward(t *testing.T) {
	for _, arch := range Archs() {
		for _, stem := range Stems(arch) {
			size := map[string]int{Small: 28, Medium: 64, ImageNet: 224}[stem]
			if stem == ImageNet && testing.Short() {
				continue
			}
			s := Spec{Arch: arch, Stem: stem, Width: 4, Projector: "24", Classes: 7, C: 1, H: size, W: size}
			width := 8 * s.Width
			switch arch {
			case "resnet50":
				width = 32 * s.Width
			case "mlp", "vit":
				width = s.Width
			case "cnn", "resnet8", "resnet20":
				width = 4 * s.Width
			}
			if stem == ImageNet && strings.HasPrefix(arch, "vgg") {
				width *= 7 * 7
			}
			forward(t, build(t, s), size, width, s.Classes)
		}
	}
}

func forward(t *testing.T, m *onnx.Model, size, width, classes int) {
	t.Helper()
	const batch = 2
	if errs := m.Check(); len(errs) > 0 {
		t.Fatal(engine.Problems(errs))
	}
	in, err := m.InputTensors(batch, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Compile(engine.Options{Inputs: in, Outputs: []string{"embedding", "projector.1", "logits"}})
	if err != nil {
		t.Fatal(err)
	}
	x := s.Input("input")
	for i := range x.F32() {
		x.F32()[i] = float32(i%13) / 13
	}
	if err := s.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	name := m.Proto().GetGraph().GetName()
	for tensor, want := range map[string]int{"embedding": width, "projector.1": 24, "logits": classes} {
		got := s.Output(tensor)
		if !slices.Equal(got.Shape, []int{batch, want}) {
			t.Errorf("%s at %d: %s has shape %v, want [%d %d]", name, size, tensor, got.Shape, batch, want)
		}
		if slices.ContainsFunc(got.F32(), func(v float32) bool { return v-v != 0 }) {
			t.Errorf("%s at %d: %s is not finite", name, size, tensor)
		}
	}
	if got, _ := m.Metadata(meta.Embedding); got != "embedding" {
		t.Errorf("%s: metadata name %q as the embedding", name, got)
	}
}

// torchvision's names, shapes and order, so that the weights load there.
func TestNames(t *testing.T) {
	m := build(t, Spec{Arch: "resnet18", Width: 4, Classes: 10, C: 3, H: 32, W: 32})
	names := m.Initializers()
	want := []string{"conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
		"layer1.0.conv1.weight"}
	if !slices.Equal(names[:len(want)], want) {
		t.Errorf("first initialisers are %v, want %v", names[:len(want)], want)
	}
	for name, shape := range map[string][]int{
		"layer2.0.downsample.0.weight": {8, 4, 1, 1}, "layer4.1.bn2.running_var": {32}, "fc.weight": {10, 32},
		"fc.bias": {10},
	} {
		p, err := m.Initializer(name)
		if err != nil {
			t.Error(err)
		} else if !slices.Equal(p.Shape, shape) {
			t.Errorf("%s has shape %v, want %v", name, p.Shape, shape)
		}
	}
	v := build(t, Spec{Arch: "vgg11_bn", Stem: ImageNet, Width: 1, Classes: 10, C: 3, H: 224, W: 224})
	for _, name := range []string{"features.0.weight", "features.26.running_mean", "classifier.0.weight",
		"classifier.6.bias"} {
		if !v.IsInitializer(name) {
			t.Errorf("vgg11_bn has no %s", name)
		}
	}
}

// He et al. 2015: the variance of a convolution's weights is 2/fan-out.
func TestInit(t *testing.T) {
	s := Spec{Arch: "resnet18", Width: 32, Classes: 10, C: 3, H: 32, W: 32, Seed: 3}
	m := build(t, s)
	w, err := m.Initializer("layer2.1.conv1.weight")
	if err != nil {
		t.Fatal(err)
	}
	sum, square := 0.0, 0.0
	for _, v := range w.F32() {
		sum += float64(v)
		square += float64(v) * float64(v)
	}
	n := float64(len(w.F32()))
	variance := 2.0 / (64 * 9)
	if d := math.Abs(sum / n); d > 5*math.Sqrt(variance/n) {
		t.Errorf("mean %v, want 0", sum/n)
	}
	if got := square / n / variance; math.Abs(got-1) > 5*math.Sqrt(2/n) {
		t.Errorf("variance is %v of 2/fan-out", got)
	}
	fc, _ := m.Initializer("fc.weight")
	bound := float32(1 / math.Sqrt(256))
	if low, high := slices.Min(fc.F32()), slices.Max(fc.F32()); low < -bound || high > bound || high < 0.99*bound {
		t.Errorf("classifier within [%v,%v], want ±%v", low, high, bound)
	}

	same, other := bytesOf(t, build(t, s)), s
	other.Seed++
	if !bytes.Equal(bytesOf(t, m), same) || bytes.Equal(same, bytesOf(t, build(t, other))) {
		t.Error("the weights are not a function of the seed")
	}
}

func bytesOf(t *testing.T, m *onnx.Model) []byte {
	t.Helper()
	b, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSpecErrors(t *testing.T) {
	for want, s := range map[string]Spec{
		"one of resnet8":            {Arch: "alexnet"},
		"one of small, imagenet":    {Arch: "vgg11", Stem: Medium},
		"patches of 4x4":            {Arch: "vit", H: 30, W: 32},
		"stem small takes any":      {Arch: "vgg11", Stem: ImageNet, H: 32, W: 32},
		"at most 1048576":           {Arch: "mlp", Width: 1 << 30},
		"0 classes":                 {Arch: "mlp", Classes: -10},
		`projector "-1"`:            {Arch: "mlp", Projector: "-1"},
		"images of 1x1 are too sma": {Arch: "vgg11", Stem: ImageNet, H: 1, W: 1},
	} {
		s.Classes += 10
		if s.C = 3; s.H == 0 {
			s.H, s.W = 32, 32
		}
		if _, err := Build(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", s, err, want)
		}
	}
}

// A network beyond the memory is refused before a weight is drawn, with what it needs.
func TestTooLarge(t *testing.T) {
	for spec, want := range map[Spec]string{
		{Arch: "mlp", Width: 1 << 20, Classes: 10, C: 1, H: 28, W: 28}: "arch mlp of width 1048576, 2199",
		{Arch: "vit", Width: 1 << 19, Classes: 10, C: 1, H: 28, W: 28}: "arch vit of width 524288, 19",
		{Arch: "cnn", Projector: "1000000,1000000", Classes: 10, C: 1, H: 28,
			W: 28}: "arch cnn of width 32 with projector 1000000,1000000, 1000",
	} {
		_, err := Build(spec)
		if _, ok := errors.AsType[*memory.Error](err); !ok || !strings.HasPrefix(err.Error(), want) ||
			!strings.Contains(err.Error(), "GiB of memory") {
			t.Errorf("%v: error %v, want one of memory that begins with %q", spec, err, want)
		}
	}
}
