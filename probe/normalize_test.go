package probe

import (
	"slices"
	"testing"

	"memprobe/train/dataset"
)

// Images and views of them reach a probed network as those of training do.
func TestPixelsAreNormalizedAsInTraining(t *testing.T) {
	d := testData()
	r := &runner{data: d, viewed: []int{5}}
	r.Mean, r.Std, r.Views, r.Augment = []float32{0.4914}, []float32{0.2470}, 2, mirror
	want := make([]float32, d.Shape[0]*d.Shape[1]*d.Shape[2])
	d.Train.Float32(want, 5)
	dataset.Normalize(want, r.Mean, r.Std)
	got := make([]float32, len(want))
	if r.fill(d.Train)(got, 5); !slices.Equal(got, want) {
		t.Errorf("image %v, want %v", got, want)
	}
	if r.view(got, 0); !slices.Equal(got, want) {
		t.Errorf("view %v, want %v", got, want)
	}
}
