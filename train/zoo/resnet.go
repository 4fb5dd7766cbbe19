package zoo

import "fmt"

// resnet is He et al. 2016, with torchvision's stride in the 3x3 convolution of a
// bottleneck; with three stages of width 16 it is their network for CIFAR-10, whose
// shortcuts have a projection here. counts are the blocks of each stage; stage i has Width·2ⁱ channels.
func resnet(block func(b *builder, name string, x value, width, stride int) value, counts ...int) part {
	return func(b *builder, x value) value {
		stem := window{3, 1, 1}
		switch b.spec.Stem {
		case Medium:
			stem = window{3, 2, 1}
		case ImageNet:
			stem = window{7, 2, 3}
		}
		x = b.relu("relu", b.batchNorm("bn1", b.conv("conv1", x, b.spec.Width, stem, false)))
		if b.spec.Stem == ImageNet {
			x = b.maxPool("maxpool", x, window{3, 2, 1})
		}
		for stage, count := range counts {
			for i := range count {
				stride := 1
				if stage > 0 && i == 0 {
					stride = 2
				}
				x = block(b, fmt.Sprintf("layer%d.%d", stage+1, i), x, b.spec.Width<<stage, stride)
			}
		}
		return b.globalPool(x)
	}
}

// basicBlock is two 3x3 convolutions beside a shortcut.
func basicBlock(b *builder, name string, x value, width, stride int) value {
	y := b.relu(name+".relu", b.convNorm(name, 1, x, width, window{3, stride, 1}))
	y = b.convNorm(name, 2, y, width, window{3, 1, 1})
	y = b.add(name+".add", y, b.shortcut(name, x, width, stride))
	return b.relu(name+".relu_1", y)
}

// bottleneck is a 3x3 convolution between two of 1x1 beside a shortcut; its
// result has four times the width.
func bottleneck(b *builder, name string, x value, width, stride int) value {
	y := b.relu(name+".relu", b.convNorm(name, 1, x, width, window{1, 1, 0}))
	y = b.relu(name+".relu_1", b.convNorm(name, 2, y, width, window{3, stride, 1}))
	y = b.convNorm(name, 3, y, 4*width, window{1, 1, 0})
	y = b.add(name+".add", y, b.shortcut(name, x, 4*width, stride))
	return b.relu(name+".relu_2", y)
}

func (b *builder) convNorm(name string, i int, x value, n int, w window) value {
	return b.batchNorm(fmt.Sprintf("%s.bn%d", name, i), b.conv(fmt.Sprintf("%s.conv%d", name, i), x, n, w, false))
}

// shortcut is x itself or, where the block changes its shape, a 1x1 convolution.
func (b *builder) shortcut(name string, x value, n, stride int) value {
	if stride == 1 && x.shape[0] == n {
		return x
	}
	return b.batchNorm(name+".downsample.1", b.conv(name+".downsample.0", x, n, window{1, stride, 0}, false))
}
