package avx2

import "memprobe/internal/kernel/ref"

// Tile is the argument of the product kernels.
type Tile = ref.Tile
