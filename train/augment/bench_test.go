package augment

import "testing"

func BenchmarkApply(b *testing.B) {
	for _, spec := range []string{"resized-crop", "hflip(p=1)", "jitter(brightness=0.8)", "jitter(contrast=0.8)",
		"jitter(saturation=0.8)", "jitter(hue=0.2)",
		"grayscale(p=1)", "affine(degrees=0:180,translate=0.2)", "blur", "full", "crop-flip", "isometry",
		"full-rotations", "most-difficult", "rand:0.5", "rand:1"} {
		b.Run(spec, func(b *testing.B) {
			k := worker(b, spec, 3, 32, 32)
			src := noise(1, 3*32*32)
			dst := make([]float32, len(src))
			for i := uint64(0); b.Loop(); i++ {
				k.Apply(dst, src, Key{Image: i})
			}
		})
	}
}
