package zoo

import (
	"fmt"
	"math"
	"slices"

	"memprobe/internal/memory"
	"memprobe/internal/meta"
	"memprobe/internal/suggest"
	"memprobe/onnx"
)

// Spec says which network to build.
type Spec struct {
	Arch      string // one of Archs
	Stem      string // one of Stems; "" is "small"
	Width     int    // channels of the first stage, or units of a layer; 0: the architecture's own
	Projector Units  // hidden layers of the projector; none: a linear classifier
	Classes   int
	C, H, W   int    // of an image
	Seed      uint64 // of the initial weights
}

// The stems: how a network meets its images.
const (
	Small  = "small"  // 3x3 convolution of stride 1, for images of 32x32; patches of 4 for vit
	Medium = "medium" // 3x3 convolution of stride 2, for 64x64; patches of 8 for vit
	// 7x7 convolution of stride 2 and max-pooling, for 224x224; VGG's wide classifier; patches of 16 for vit
	ImageNet = "imagenet"
)

// part appends a part of a network, from a tensor to a tensor.
type part func(b *builder, x value) value

// arch is an encoder, from images to a vector each, with its usual classifier.
type arch struct {
	name          string
	width         int // default
	stems         []string
	encoder, head part
}

func archs() []arch {
	all := []string{Small, Medium, ImageNet}
	return []arch{
		{"resnet8", 16, all[:2], resnet(basicBlock, 1, 1, 1), linearHead("fc")},
		{"resnet20", 16, all[:2], resnet(basicBlock, 3, 3, 3), linearHead("fc")},
		{"resnet18", 64, all, resnet(basicBlock, 2, 2, 2, 2), linearHead("fc")},
		{"resnet34", 64, all, resnet(basicBlock, 3, 4, 6, 3), linearHead("fc")},
		{"resnet50", 64, all, resnet(bottleneck, 3, 4, 6, 3), linearHead("fc")},
		{"vgg11", 64, []string{Small, ImageNet}, vgg(false, 1, 1, 2, 2, 2), vggHead},
		{"vgg11_bn", 64, []string{Small, ImageNet}, vgg(true, 1, 1, 2, 2, 2), vggHead},
		{"vgg16", 64, []string{Small, ImageNet}, vgg(false, 2, 2, 3, 3, 3), vggHead},
		{"vgg16_bn", 64, []string{Small, ImageNet}, vgg(true, 2, 2, 3, 3, 3), vggHead},
		{"mlp", 512, []string{Small}, mlp, linearHead("head")},
		{"cnn", 32, []string{Small}, cnn, linearHead("head")},
		{"vit", 192, all, vit(6), linearHead("head")},
	}
}

// Archs are the names of the architectures.
func Archs() []string {
	var names []string
	for _, a := range archs() {
		names = append(names, a.name)
	}
	return names
}

// Stems are the stems that an architecture has; nil if there is no such one.
func Stems(arch string) []string {
	for _, a := range archs() {
		if a.name == arch {
			return a.stems
		}
	}
	return nil
}

// Build returns the network with its initial weights. An error says which part
// of the specification does not fit.
func Build(s Spec) (*onnx.Model, error) {
	if err := suggest.OneOf(s.Arch, Archs()); err != nil {
		return nil, fmt.Errorf("arch %w", err)
	}
	a := archs()[slices.IndexFunc(archs(), func(a arch) bool { return a.name == s.Arch })]
	if s.Stem == "" {
		s.Stem = Small
	}
	if s.Width == 0 {
		s.Width = a.width
	}
	if err := suggest.OneOf(s.Stem, a.stems); err != nil {
		return nil, fmt.Errorf("%s: stem %w", a.name, err)
	}
	switch {
	case s.Width < 1 || s.Width > maxSize:
		return nil, fmt.Errorf("width %d of %s, want at most %d units", s.Width, a.name, maxSize)
	case s.Classes < 1 || min(s.C, s.H, s.W) < 1:
		return nil, fmt.Errorf("%d classes of images [%d,%d,%d], want at least one of each", s.Classes, s.C, s.H, s.W)
	}
	hidden, err := s.Projector.Layers()
	if err != nil {
		return nil, fmt.Errorf("projector %w", err)
	}
	head := a.head
	if len(hidden) > 0 {
		head = projector(hidden)
	}
	weighed := newBuilder(s)
	weighed.weigh = true
	if err := weighed.network(a.encoder, head); err != nil {
		return nil, fmt.Errorf("arch %s: %w", a.name, err)
	}
	if err := s.fits(weighed.weights, len(hidden) > 0); err != nil {
		return nil, err
	}
	b := newBuilder(s)
	if err := b.network(a.encoder, head); err != nil {
		return nil, fmt.Errorf("arch %s: %w", a.name, err)
	}
	m, err := onnx.FromProto(b.model)
	if err != nil {
		return nil, err
	}
	m.SetMetadata(meta.Embedding, "embedding")
	return m, nil
}

// The limits keep a mistyped size from taking all memory.
const (
	maxSize   = 1 << 20 // units of a layer
	maxLayers = 64      // of a projector
)

// network appends all of it.
func (b *builder) network(encoder, head part) error {
	x := encoder(b, b.input())
	if b.err != nil {
		return b.err
	}
	b.name(&x, "embedding")
	x = head(b, x)
	b.name(&x, "logits")
	b.output(x)
	return b.err
}

// fits asks for the memory of a network's weights, in the model and where they are
// computed with.
func (s Spec) fits(weights int64, projected bool) error {
	what := fmt.Sprintf("arch %s of width %d", s.Arch, s.Width)
	if projected {
		what += fmt.Sprintf(" with projector %s", s.Projector)
	}
	bytes := int64(-1)
	if weights >= 0 && weights <= math.MaxInt64/weightBytes {
		bytes = weightBytes * weights
		what += fmt.Sprintf(", %d weights,", weights)
	}
	return memory.Need(what, bytes)
}

// weightBytes is what a weight takes: a float32 in the model and one beside it.
const weightBytes = 8

// projector is a perceptron without biases and with ReLU between its layers, named
// as torch.nn.Sequential names them.
func projector(hidden []int) part {
	return func(b *builder, x value) value {
		name := func(i int) string { return fmt.Sprintf("projector.%d", i) }
		for i, n := range hidden {
			x = b.relu(name(2*i+1), b.linear(name(2*i), x, n, false))
		}
		return b.linear(name(2*len(hidden)), x, b.spec.Classes, false)
	}
}

func linearHead(name string) part {
	return func(b *builder, x value) value { return b.linear(name, x, b.spec.Classes, true) }
}
