//go:build amd64 && !purego

package tile

import (
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
)

func TestTileBits(t *testing.T) {
	kerneltest.NeedAVX512(t)
	for trial := range tileCases {
		c := newTileCase(trial)
		for _, f := range []func(t, u *ref.Tile, rows int){pairOf(Packed), pairOf(Offset), c.inPlace(trial, pairOf(Strided)),
			each(oneOf(Packed)), each(oneOf(Offset)), c.inPlace(trial, each(oneOf(Strided))),
			c.inBlocks(pairOf(Turned)), c.inBlocks(each(oneOf(Turned)))} {
			kerneltest.SameBits(t, c, func() []float32 { return c.run(trial, f) })
		}
	}
}
