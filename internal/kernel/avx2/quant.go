package avx2

import "memprobe/internal/kernel/ref"

// ByteTile is the argument of the kernels of products of bytes.
type ByteTile = ref.ByteTile
