// Package augment transforms training images at random.
//
// A [Pipeline] is a list of named operations with parameters. It prints as text
// that [Parse] reads back, so that what stands in a run's record rebuilds it:
//
//	resized-crop(scale=0.08:1,ratio=0.75:1.3333333333333333) hflip(p=0.5)
//
// Images are planar float32, C×H×W, channels R, G, B, values in [0,1]. Operations
// and the distributions of their parameters are those of torchvision 0.14 on
// float tensors: nothing is rounded to bytes between two operations, except where
// an operation is defined on bytes (posterize, equalize).
//
// Every draw is a function of a [Key]: the order of images, the number of threads
// and interruptions change nothing.
//
// [Mixer] mixes the images and targets of a batch (mixup, CutMix); [Ideal] takes
// other images of the class as the views of an image.
package augment
