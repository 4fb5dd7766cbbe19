package tile

import (
	"fmt"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

func ramp(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i + 1)
	}
	return v
}

type packer func(dst, src *float32, ld, k, width int)

func TestPack(t *testing.T) {
	for name, f := range map[string][2]packer{
		"copy": {packCopy, ref.PackCopy}, "transpose": {packTranspose, ref.PackTranspose}} {
		for _, width := range []int{ref.MR, ref.NR} {
			for k := range 70 {
				for ld := max(k, width); ld < max(k, width)+3; ld++ {
					src := ramp(ld*max(k, width) + 3)
					got, want := make([]float32, k*width+9), make([]float32, k*width+9)
					f[0](&got[1], &src[ld%3], ld, k, width)
					f[1](&want[1], &src[ld%3], ld, k, width)
					if err := tol.Close(got, want, 0, 0); err != nil {
						t.Fatalf("%s width %d k %d ld %d: %v", name, width, k, ld, err)
					}
				}
			}
		}
	}
}

func TestPackCopies(t *testing.T) {
	for k := 1; k < 40; k++ {
		for ld := 4 * ref.NR; ld < 4*ref.NR+3; ld++ {
			src := ramp(ld*k + 3)
			got, want := make([]float32, 4*k*ref.NR+9), make([]float32, 4*k*ref.NR+9)
			packCopies(&got[1], &src[ld%3], ld, k)
			ref.PackCopies(&want[1], &src[ld%3], ld, k)
			if err := tol.Close(got, want, 0, 0); err != nil {
				t.Fatalf("k %d ld %d: %v", k, ld, err)
			}
		}
	}
}

func TestPackGather(t *testing.T) {
	src := ramp(600)
	off := make([]int32, ref.NR)
	for i := range off {
		off[i] = int32(4 * (i * 31 % 500))
	}
	for k := range 70 {
		got, want := make([]float32, k*ref.NR+9), make([]float32, k*ref.NR+9)
		PackGather(&got[1], &src[k%3], &off[0], k)
		ref.PackGather(&want[1], &src[k%3], &off[0], k)
		if err := tol.Close(got, want, 0, 0); err != nil {
			t.Fatalf("k %d: %v", k, err)
		}
	}
}

func TestZip(t *testing.T) {
	for n := range 70 {
		src := ramp(2*n + 2)
		got, want := make([]float32, n+9), make([]float32, n+9)
		Zip(&got[1], &src[1], &src[n/2], n)
		ref.Zip(&want[1], &src[1], &src[n/2], n)
		if err := tol.Close(got, want, 0, 0); err != nil {
			t.Fatalf("zip %d: %v", n, err)
		}
	}
}

func BenchmarkPack(b *testing.B) {
	const k, ld = 256, 1024 + 16
	src, dst := make([]float32, k*ld), make([]float32, 16*k)
	for name, f := range map[string]packer{"copy": packCopy, "transpose": packTranspose} {
		for _, width := range []int{ref.MR, ref.NR} {
			b.Run(fmt.Sprintf("%s%d", name, width), func(b *testing.B) {
				b.SetBytes(int64(4 * k * width))
				for b.Loop() {
					f(&dst[0], &src[0], ld, k, width)
				}
			})
		}
	}
}

func TestCopyRows(t *testing.T) {
	const rows, dstLD, srcLD = 3, 45, 90
	for stride := 1; stride <= 3; stride++ {
		for n := 1; n <= 29; n++ {
			src := ramp((rows-1)*srcLD + (n-1)*stride + 1) // to the last element read
			got, want := make([]float32, rows*dstLD), make([]float32, rows*dstLD)
			CopyRows(&got[1], &src[0], rows, n, dstLD, srcLD, stride)
			ref.CopyRows(&want[1], &src[0], rows, n, dstLD, srcLD, stride)
			if err := tol.Close(got, want, 0, 0); err != nil {
				t.Fatalf("stride %d n %d: %v", stride, n, err)
			}
		}
	}
}

func TestCopyPadded(t *testing.T) {
	const planes, height = 2, 5
	for trial := range 210 {
		stride, both, width := 1+min(trial%3, 1), trial%3 == 2, 1+trial/3
		left, first := width%5-2, width%7-3
		n, rows := max(1, (width+left+width%3)/stride), 1+width%6
		strips := ref.NewStrips(n, width, 1, stride, left)
		plane := 2*rows*(n+1) + 3
		src, got, want := ramp(planes*height*width), ramp(planes*plane), ramp(planes*plane)
		p := ref.PaddedCopy{Dst: &got[0], Src: &src[0], Planes: planes, PlaneD: 4 * plane, PlaneS: 4 * height * width,
			Rows: rows, First: first, Height: height, LDD: 4 * (n + 1), LDS: 4 * width, Strips: &strips[0], NStrips: len(strips)}
		if both {
			p.Between = 4 * rows * (n + 1)
		}
		CopyPadded(&p, stride)
		p.Dst = &want[0]
		ref.CopyPadded(&p, stride)
		if err := tol.Close(got, want, 0, 0); err != nil {
			t.Fatalf("stride %d, both %v, %d columns of %d from %d, rows from %d: %v", stride, both, n, width, -left, first, err)
		}
	}
}
