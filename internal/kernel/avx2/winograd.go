package avx2

import "memprobe/internal/kernel/ref"

// Tiles is the argument of the changes of basis.
type Tiles = ref.Tiles

// Planes is the argument of Spread.
type Planes = ref.Planes

// Pixels is the argument of ChannelsLast.
type Pixels = ref.Pixels
