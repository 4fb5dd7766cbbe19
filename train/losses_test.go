package train

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"memprobe/internal/npy"
	"memprobe/internal/tol"
	"memprobe/probe/result"
)

// lossesOf reads the losses.npy of a run.
func lossesOf(t *testing.T, dir string) (epochs, images int, values []float32) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, LossesFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h, err := npy.ReadHead(f)
	if err != nil {
		t.Fatal(err)
	}
	if values, err = h.Floats(f); err != nil {
		t.Fatal(err)
	}
	return h.Shape[0], h.Shape[1], values
}

// The losses of all images are, in the mean, the loss of the epoch.
func TestLossesAddUp(t *testing.T) {
	for _, loss := range []string{CE, MSE} {
		c := small()
		c.Loss, c.Batch, c.LabelSmoothing = loss, 25, 0.1
		dir := t.TempDir()
		finish(t, dir, c, Options{})
		epochs, images, values := lossesOf(t, dir)
		if epochs != 3 || images != 50 {
			t.Fatalf("losses.npy has shape [%d,%d], want [3,50]", epochs, images)
		}
		rows, err := result.ReadEpochsFile(filepath.Join(dir, "metrics.csv"))
		if err != nil {
			t.Fatal(err)
		}
		for e := range epochs {
			mean := 0.0
			for _, v := range values[e*images : (e+1)*images] {
				mean += float64(v) / float64(images)
			}
			// A loss is rounded to float32.
			if err := tol.Close([]float64{mean}, []float64{rows[e+1].Loss}, 0, 0x1p-23); err != nil {
				t.Errorf("%s, epoch %d: %v", loss, e+1, err)
			}
		}
	}
}

func TestRowLoss(t *testing.T) {
	inf := float32(math.Inf(-1))
	for _, c := range []struct {
		loss      string
		x, target []float32
		want      float64
	}{
		{CE, []float32{0, 0, 0, 0}, []float32{0, 1, 0, 0}, math.Log(4)},
		{CE, []float32{1000, 0}, []float32{0, 1}, 1000},
		{CE, []float32{0, inf}, []float32{1, 0}, 0},
		{CE, []float32{float32(math.Ln2), 0}, []float32{0.25, 0.75}, math.Log(3) - 0.25*math.Ln2},
		{MSE, []float32{1, 3, -1}, []float32{0, 1, 0}, 2},
		{MSE, []float32{0.5}, []float32{0.5}, 0},
	} {
		got := lossOf(c.loss).row(c.x, c.target, make([]float32, len(c.x)))
		if err := tol.Close([]float64{got}, []float64{c.want}, 1e-7, 1e-6); err != nil {
			t.Errorf("%s of %v against %v: %v", c.loss, c.x, c.target, err)
		}
	}
}

// What an epoch leaves out has no loss in it: the rest of a short batch, and the
// images of a group that did not stand for it.
func TestImagesWithoutALoss(t *testing.T) {
	for _, ideal := range []int{0, 3} {
		c := small()
		c.DropLast, c.IdealViews = true, ideal
		dir := t.TempDir()
		finish(t, dir, c, Options{})
		epochs, images, values := lossesOf(t, dir)
		want := 48 // of 50, in batches of 16
		if ideal > 0 {
			b, _ := batcherOf(t, c)
			want = b.samples / 16 * 16
		}
		for e := range epochs {
			seen := 0
			for _, v := range values[e*images : (e+1)*images] {
				if v == v {
					seen++
				}
			}
			if seen != want {
				t.Errorf("ideal views %d, epoch %d: %d images have a loss, want %d", ideal, e+1, seen, want)
			}
		}
	}
}
