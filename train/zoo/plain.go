package zoo

import "fmt"

// vgg is Simonyan and Zisserman 2015: stages of 3x3 convolutions, of Width·1, 2,
// 4, 8 and 8 channels, with max-pooling between them. With the stem ImageNet all
// pixels of the last maps are the embedding, as published; with Small it is the
// mean of each map, and maps of one pixel are not pooled further.
func vgg(norm bool, counts ...int) part {
	return func(b *builder, x value) value {
		at := 0 // in the sequence of modules, which gives them their names
		next := func() string {
			at++
			return fmt.Sprintf("features.%d", at-1)
		}
		for stage, count := range counts {
			for range count {
				x = b.conv(next(), x, b.spec.Width<<min(stage, 3), window{3, 1, 1}, true)
				if norm {
					x = b.batchNorm(next(), x)
				}
				x = b.relu(next(), x)
			}
			pool := next()
			if b.spec.Stem == ImageNet || min(x.shape[1], x.shape[2]) > 1 {
				x = b.maxPool(pool, x, window{2, 2, 0})
			}
		}
		if b.spec.Stem == Small {
			return b.globalPool(x)
		}
		const grid = 7
		if h, w := x.shape[1], x.shape[2]; (h != grid || w != grid) && b.err == nil {
			b.err = fmt.Errorf("stem %s wants images of 224x224, these are %dx%d; stem %s takes any",
				ImageNet, b.spec.H, b.spec.W, Small)
		}
		return b.flatten("flatten", x)
	}
}

// vggHead is a linear layer or, with the stem ImageNet, the published classifier
// with two layers of 64·Width units and dropout before it.
func vggHead(b *builder, x value) value {
	if b.spec.Stem == Small {
		return b.linear("classifier", x, b.spec.Classes, true)
	}
	for i := range 2 {
		x = b.relu(fmt.Sprintf("classifier.%d", 3*i+1), b.linear(fmt.Sprintf("classifier.%d", 3*i), x, 64*b.spec.Width, true))
		x = b.node("Dropout", fmt.Sprintf("classifier.%d", 3*i+2), []string{x.name}, x.shape)
	}
	return b.linear("classifier.6", x, b.spec.Classes, true)
}

// mlp is three hidden layers of Width units.
func mlp(b *builder, x value) value {
	x = b.flatten("flatten", x)
	for i := 1; i <= 3; i++ {
		x = b.relu(fmt.Sprintf("relu%d", i), b.linear(fmt.Sprintf("fc%d", i), x, b.spec.Width, true))
	}
	return x
}

// cnn is three convolutions of Width, 2·Width and 4·Width channels, with
// max-pooling between them and a global average pool after them.
func cnn(b *builder, x value) value {
	for i := 1; i <= 3; i++ {
		if i > 1 && min(x.shape[1], x.shape[2]) > 1 {
			x = b.maxPool(fmt.Sprintf("pool%d", i-1), x, window{2, 2, 0})
		}
		x = b.conv(fmt.Sprintf("conv%d", i), x, b.spec.Width<<(i-1), window{3, 1, 1}, false)
		x = b.relu(fmt.Sprintf("relu%d", i), b.batchNorm(fmt.Sprintf("bn%d", i), x))
	}
	return b.globalPool(x)
}
