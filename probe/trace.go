package probe

import (
	"fmt"
	"math"
	"slices"

	"memprobe/probe/result"
)

// Losses are those of the training images over the epochs of a run.
type Losses struct {
	Epochs int
	Values []float32 // [Epochs,N]; NaN where an epoch left an image out
	Wrong  float64   // the least loss that a wrong answer can have, see WrongLoss
}

// check holds the losses to n images.
func (l *Losses) check(n int) error {
	if l.Epochs < 0 || len(l.Values) != l.Epochs*n {
		return fmt.Errorf("probe: %d losses for %d epochs of %d images", len(l.Values), l.Epochs, n)
	}
	return nil
}

// of returns the losses of an image by epoch.
func (l *Losses) of(image, n int) []float64 {
	out := make([]float64, l.Epochs)
	for e := range out {
		out[e] = float64(l.Values[e*n+image])
	}
	return out
}

// WrongLoss is the least loss of a sample that is classified wrongly, against a target
// of 1−s+s/classes at its label and s/classes elsewhere. With two logits x equal at the
// top, one of them the label's, that is for
//
//	cross-entropy       ln 2 for s = 0; in general −Σ t·ln p with the label and one
//	                    other class sharing the mean of their targets, the rest as t
//	mean squared error  (1−s)²/(2·classes), with the two at the mean of their targets
//
// Whatever costs less is classified rightly. With mixed targets it is only a guide.
func WrongLoss(meanSquared bool, classes int, smoothing float64) float64 {
	if meanSquared {
		return (1 - smoothing) * (1 - smoothing) / (2 * float64(classes))
	}
	entropy := func(p float64) float64 {
		if p <= 0 {
			return 0
		}
		return -p * math.Log(p)
	}
	each := smoothing / float64(classes)
	shared := (1 - smoothing + 2*each) / 2
	return 2*entropy(shared) + float64(classes-2)*entropy(each)
}

// trace sums up the losses of an image by epoch, NaN in those that did not visit it;
// wrong is the loss from which on it is not learned.
func trace(losses []float64, wrong float64) *result.Trace {
	nan := result.Number(math.NaN())
	t := &result.Trace{Final: nan, Spread: nan}
	sum, before := 0.0, false
	var visits []float64
	for e, v := range losses {
		if math.IsNaN(v) {
			continue
		}
		visits = append(visits, v)
		sum += v
		learned := v < wrong
		if learned && t.Learned == nil {
			first := e + 1
			t.Learned = &first
		}
		if before && !learned {
			t.Forgotten++
		}
		before = learned
	}
	t.Cumulative = result.Number(sum)
	if n := len(visits); n > 0 {
		t.Final = result.Number(visits[n-1])
		slices.Sort(visits)
		t.Spread = result.Number(interpolated(visits, 0.75) - interpolated(visits, 0.25))
	}
	return t
}

// interpolated is the quantile of sorted values that lies linearly between two of
// them, as NumPy takes it by default.
func interpolated(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	next := min(i+1, len(sorted)-1)
	return sorted[i] + (at-float64(i))*(sorted[next]-sorted[i])
}
