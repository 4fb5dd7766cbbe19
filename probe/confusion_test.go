package probe

import (
	"errors"
	"math"
	"testing"

	"memprobe/internal/fault"
	"memprobe/probe/knn"
)

func TestConfusionOfManyClasses(t *testing.T) {
	e := &measured{banks: []answers{{called: []int{1, 0, 1}}}}
	if c := confusion(e, []int{1, 0, 0}, make([]string, 2), 1); c == nil || c.Counts[1][1] != 1 || c.Counts[0][1] != 1 ||
		c.Counts[0][0] != 1 {
		t.Errorf("%+v", c)
	}
	if c := confusion(e, []int{1, 0, 0}, make([]string, 100_000), 1); c != nil {
		t.Error("100,000 classes have a matrix of 80 GB")
	}
}

// Features that are no numbers are a fault of the model or the data.
func TestFeaturesThatAreNoNumbers(t *testing.T) {
	nan := float32(math.NaN())
	if _, err := knn.New(t.Context(), nil, []float32{1, nan}, 2, 1, knn.Cosine); !errors.As(err, new(*fault.Error)) {
		t.Errorf("error %v", err)
	}
}
