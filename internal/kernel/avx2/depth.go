package avx2

import "memprobe/internal/kernel/ref"

// Depth is the argument of the depthwise kernels.
type Depth = ref.Depth
