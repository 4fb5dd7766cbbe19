package tile

import (
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

func TestChannelsLast(t *testing.T) {
	for _, c := range []struct {
		ChannelsLast
		first, rows, step int
	}{
		{ChannelsLast{H: 5, W: 20, Channels: 16, Left: 1, Width: 22}, -1, 7, 1},
		{ChannelsLast{H: 5, W: 20, Channels: 3, Left: 2, Width: 18}, 1, 3, 2},
		{ChannelsLast{H: 4, W: 3, Channels: 5, Left: 1, Width: 5}, -2, 8, 1}, // rows of less than a vector
		{ChannelsLast{H: 4, W: 3, Channels: 16, Left: 1, Width: 5}, 6, 2, 1}, // none of the input
		{ChannelsLast{H: 4, W: 3, Channels: 4, Left: 9, Width: 8}, 0, 4, 1},  // columns of zeros
	} {
		const stale = -7
		x, dst := ramp(c.Channels*c.H*c.W), make([]float32, c.rows*c.Width*NR)
		for i := range dst {
			dst[i] = stale
		}
		c.Copy(dst, x, c.first, c.rows, c.step)
		for i, got := range dst {
			row, col, channel := i/NR/c.Width, i/NR%c.Width, i%NR
			h, w, want := c.first+row, col-c.Left, float32(0)
			switch {
			case row%c.step != 0:
				want = stale
			case channel < c.Channels && h >= 0 && h < c.H && w >= 0 && w < c.W:
				want = x[(channel*c.H+h)*c.W+w]
			}
			if got != want {
				t.Fatalf("%+v: row %d, column %d, channel %d is %g, want %g", c, row, col, channel, got, want)
			}
		}
	}
}

// Rows of every width, whole or not, with and without pixels between them.
func TestPixels(t *testing.T) {
	for w := 1; w < 40; w++ {
		for trial := range 8 {
			n, channels := w*(trial%4)+1+trial*w/8, VL
			if trial%2 == 1 {
				channels = (w + trial) % VL
			}
			p := ref.Pixels{Rows: channels, LD: n + trial, N: n, W: w, Gap: trial % 3}
			src := ramp(VL * p.LD)
			got, want := kerneltest.Noise((n+n/w*p.Gap+2)*NR, 1), kerneltest.Noise((n+n/w*p.Gap+2)*NR, 1)
			p.Src, p.Dst = &src[0], &got[NR]
			channelsLast(&p)
			p.Dst = &want[NR]
			ref.ChannelsLast(&p)
			if err := tol.Close(got, want, 0, 0); err != nil {
				t.Fatalf("%+v: %v", p, err)
			}
		}
	}
}

// Panels of either order of the operand hold the same, the last one filled up with zeros.
func TestPanels(t *testing.T) {
	const n, k, k0, kc = 21, 11, 2, 7
	inner := ramp(n * k) // (i, k) at i·k+k
	outer := make([]float32, n*k)
	for i := range n {
		for j := range k {
			outer[j*n+i] = inner[i*k+j]
		}
	}
	for _, width := range []int{MR, NR} {
		for src, s := range map[*float32]Side{
			&inner[0]: {N: n, Width: width, LD: k, KInner: true}, &outer[0]: {N: n, Width: width, LD: n}} {
			x := inner
			if src == &outer[0] {
				x = outer
			}
			dst := make([]float32, s.Panels()*width*kc)
			s.Pack(dst, x, 0, s.Panels(), k0, kc)
			for at, got := range dst {
				i, j, want := at/(width*kc)*width+at%width, k0+at%(width*kc)/width, float32(0)
				if i < n {
					want = inner[i*k+j]
				}
				if got != want {
					t.Fatalf("%+v: element %d, k %d is %g, want %g", s, i, j, got, want)
				}
			}
			s.Pack(nil, x, 0, s.Panels(), 0, 0) // nothing
		}
	}
}
