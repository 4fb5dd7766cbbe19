package winograd

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// tileSource brings planes [N,channels,h,w] into tiles of another basis.
type tileSource struct {
	*tiling
	change         change
	mirror         mirror
	size, step     int // of a tile before the change, and from tile to tile
	channels, h, w int
	top, left      int // padding
}

func (s *tileSource) panels() int { return parallel.Chunks(s.channels, tile.NR) }

func (s *tileSource) copyWidth() int { return (s.cols-1)*s.step + s.size }

// copyLen is the length of the workspace of tiles.
func (s *tileSource) copyLen() int { return ((s.band-1)*s.step + s.size) * s.copyWidth() * tile.NR }

// tiles changes the basis of the tiles of a block, for one panel of channels:
// element e of tile t goes to dst[e·pitch+t·ld:][:16]. xs is workspace.
func (s *tileSource) tiles(dst, x, xs []float32, b block, panel, pitch, ld int) {
	after := s.form.Size()
	width, plane := s.copyWidth(), s.h*s.w
	c0 := panel * tile.NR
	planes := tile.ChannelsLast{H: s.h, W: s.w, Channels: min(tile.NR, s.channels-c0), Left: s.left, Width: width}
	t := ref.Tiles{N: s.cols, SrcTile: s.step * tile.NR, DstRow: after * pitch, DstCol: pitch, DstTile: ld}
	var from int
	from, t.SrcRow, t.SrcCol = s.mirror.numbered(s.size, width*tile.NR, tile.NR)
	done := 0
	for n := b.n0; n < b.n1; n++ {
		planes.Copy(xs, x[(n*s.channels+c0)*plane:], b.r0*s.step-s.top, (b.r1-b.r0-1)*s.step+s.size, 1)
		for r := range b.r1 - b.r0 {
			t.Src, t.Dst = tile.At(xs, from+r*s.step*width*tile.NR), tile.At(dst, done*ld)
			s.change.apply(&t)
			done += s.cols
		}
	}
}
