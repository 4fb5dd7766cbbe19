package kernel

import (
	"fmt"

	"memprobe/internal/kernel/ref"
)

// GemmSpec describes C = act(alpha·op(A)·op(B) [+ C] + bias); see [ref.GemmSpec].
type GemmSpec = ref.GemmSpec

// ConvSpec describes y = act(conv(x, w) + bias + residual); see [ref.ConvSpec].
type ConvSpec = ref.ConvSpec

// Activation is a function applied to a result as it is stored.
type Activation = ref.Activation

// The activations that kernels fuse. Each lets NaN through.
const (
	ActNone  = ref.ActNone
	ActRelu  = ref.ActRelu
	ActRelu6 = ref.ActRelu6
	ActClip  = ref.ActClip
)

// need panics unless the slice called name has n elements.
func need[T any](name string, s []T, n int) {
	if len(s) < n {
		panic(fmt.Sprintf("kernel: %s has %d elements, want %d", name, len(s), n))
	}
}
