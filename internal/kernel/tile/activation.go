package tile

import "memprobe/internal/kernel/ref"

// Activation is a function applied to a result as it is stored.
type Activation = ref.Activation

// The activations that kernels fuse. Each lets NaN through.
const (
	ActNone  = ref.ActNone
	ActRelu  = ref.ActRelu
	ActRelu6 = ref.ActRelu6
	ActClip  = ref.ActClip
)
