package ref

import "unsafe"

const (
	GroupTaps   = 3  // columns of the window of a grouped convolution
	GroupPixels = 14 // sums of as many pixels are made at a time, or of half of them for two vectors
)

// GroupSums describes sums of a grouped convolution whose output channels are the lanes of vectors:
// those of some neighbouring groups, whose input channels are woven (see [Weave]), or of one. Of tile i,
//
//	Dst[v][i][p][j] = Σk Σt W[k][t][v][lane(j)]·X[i·StepX/4 + Off[k]/4 + (p·stride+t)·groups + j/m], t < GroupTaps
//
// for the pixels p, vectors v, and lanes j < NR, m = NR/groups of them for each group. The weights lie
// with the group innermost: lane(j) = j%m·groups + j/m. Vectors of sums are StepDst bytes apart.
type GroupSums struct {
	X, W, Dst *float32
	Off       *int32 // [K] byte offsets, of rows of taps
	K         int    // at least 1
	Tiles     int    // at least 1
	StepX     int    // bytes from tile to tile
	StepDst   int
	// What the assembly brings into the second-level cache on the way: two lines of each for each k of a tile.
	Fetch [2]Lines
}

// Lines are pairs of lines of the cache that follow each other in memory. At is a number, as in [Piece].
type Lines struct {
	At    uintptr
	Pairs int
}

// LinesOf returns those that hold n floats from p on.
func LinesOf(p *float32, n int) Lines {
	const floats = 32 // of a pair
	return Lines{uintptr(unsafe.Pointer(p)), (n + floats - 1) / floats}
}

// Fetched takes those away that a call has fetched.
func (g *GroupSums) Fetched() {
	const pair = 128 // bytes
	for i := range g.Fetch {
		l := &g.Fetch[i]
		n := min(l.Pairs, g.K*g.Tiles)
		l.At, l.Pairs = l.At+uintptr(pair*n), l.Pairs-n
	}
}

// SumGroups computes g.
func SumGroups(g *GroupSums, pixels, vectors, groups, stride int) {
	m := NR / groups
	for i := range g.Tiles {
		for v := range vectors {
			for p := range pixels {
				for j := range NR {
					sum := float32(0)
					for k, off := range unsafe.Slice(g.Off, g.K) {
						for t := range GroupTaps {
							w := *at(g.W, ((k*GroupTaps+t)*vectors+v)*NR+j%m*groups+j/m)
							sum += w * *at(g.X, (i*g.StepX+int(off))/4+(p*stride+t)*groups+j/m)
						}
					}
					*at(g.Dst, v*g.StepDst/4+(i*pixels+p)*NR+j) = sum
				}
			}
		}
	}
}

// Weave describes a copy of planes of some groups, element by element in turn, with zeros around them:
//
//	Dst[plane][r][q][g] = Src[g][plane][First+r][q-PadLeft], q < NR·Strips, 0 where that is outside of the plane
//
// Bit i of Masks[s] tells whether element s·NR+i-PadLeft is in the plane.
type Weave struct {
	Dst, Src       *float32
	Planes         int // of a group
	PlaneD, PlaneS int // bytes from plane to plane
	GroupS         int // bytes from group to group
	Rows           int
	First, Height  int // the first row that is copied, which may lie in the padding; rows of a plane
	LDD, LDS       int // bytes of a row
	PadLeft        int
	Masks          *uint16
	Strips         int
}

// WeavePlanes copies w.
func WeavePlanes(w *Weave, groups int) {
	for plane := range w.Planes {
		for r := range w.Rows {
			h := w.First + r
			for q := range w.Strips * NR {
				for g := range groups {
					x := float32(0)
					if h >= 0 && h < w.Height && unsafe.Slice(w.Masks, w.Strips)[q/NR]>>(q%NR)&1 != 0 {
						x = *at(w.Src, (g*w.GroupS+plane*w.PlaneS+h*w.LDS)/4+q-w.PadLeft)
					}
					*at(w.Dst, (plane*w.PlaneD+r*w.LDD)/4+q*groups+g) = x
				}
			}
		}
	}
}
