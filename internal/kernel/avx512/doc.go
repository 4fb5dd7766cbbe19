// Package avx512 holds the kernels for x86-64 with AVX-512 (F, DQ, BW, VL) and
// BMI2 where its wider vectors pay; everything else runs on package avx2. A sum
// is made of the same operations in the same order as there, so both give the
// same bits. The assembly is generated as for package avx2. Only package kernel
// calls it, after it has asked the CPU.
package avx512

import "memprobe/internal/kernel/ref"

//go:generate go run -C ../_asm ./wide -out ../avx512/gemm_amd64.s -stubs ../avx512/gemm_amd64.go -pkg avx512
//go:generate go run -C ../_asm ./near -out ../avx512/near_amd64.s -stubs ../avx512/near_amd64.go -pkg avx512
//go:generate go run -C ../_asm ./widedepth -out ../avx512/depth_amd64.s -stubs ../avx512/depth_amd64.go -pkg avx512
//go:generate go run -C ../_asm ./patch -out ../avx512/patch_amd64.s -stubs ../avx512/patch_amd64.go -pkg avx512
//go:generate go run -C ../_asm ./pool -out ../avx512/pool_amd64.s -stubs ../avx512/pool_amd64.go -pkg avx512
//go:generate go run -C ../_asm ./vec -out ../avx512/vec_amd64.s -stubs ../avx512/vec_amd64.go -pkg avx512
//go:generate go run -C ../_asm ./quant -out ../avx512/quant_amd64.s -stubs ../avx512/quant_amd64.go -pkg avx512
//go:generate go run -C ../_asm ./winograd -out ../avx512/winograd_amd64.s -stubs ../avx512/winograd_amd64.go -pkg avx512
//go:generate go run -C ../_asm ./strassen -out ../avx512/strassen_amd64.s -stubs ../avx512/strassen_amd64.go -pkg avx512
//go:generate go run -C ../_asm ./grouped -out ../avx512/grouped_amd64.s -stubs ../avx512/grouped_amd64.go -pkg avx512

// Arguments of the kernels.
type (
	ByteTile    = ref.ByteTile
	DepthLanes  = ref.DepthLanes
	DepthRows   = ref.DepthRows
	DepthTurned = ref.DepthTurned
	GroupSums   = ref.GroupSums
	PaddedCopy  = ref.PaddedCopy
	Planes      = ref.Planes
	PoolRows    = ref.PoolRows
	Quad        = ref.Quad
	Quarters    = ref.Quarters
	RowSums     = ref.RowSums
	Tile        = ref.Tile
	Tiles       = ref.Tiles
	Weave       = ref.Weave
)
