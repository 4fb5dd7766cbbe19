//go:build amd64 && !purego

package kernel

import (
	"slices"
	"testing"

	"memprobe/internal/kernel/ref"
)

// withoutAVX512 calls f on the kernels of package avx2.
func withoutAVX512(f func()) {
	saved := useAVX512
	useAVX512 = false
	defer func() { useAVX512 = saved }()
	f()
}

// TestTileBits holds that the wider kernels give the same bits.
func TestTileBits(t *testing.T) {
	if !useAVX512 {
		t.Skip("no AVX-512")
	}
	for trial := range tileCases {
		c := newTileCase(trial)
		for name, f := range map[string]func(t, u *ref.Tile, rows int){
			"packed": tilePackedPair, "offset": tileOffsetPair, "strided": c.inPlace(trial, tileStridedPair)} {
			got := c.run(trial, f)
			withoutAVX512(func() {
				if !slices.Equal(got, c.run(trial, f)) {
					t.Fatalf("%s trial %d: rows %d k %d: AVX-512 and AVX2 differ in bits", name, trial, c.rows, c.t.K)
				}
			})
		}
	}
}
