package knn

import (
	"context"
	"fmt"
	"testing"

	"github.com/sbinet/npyio/npz"

	"memprobe/internal/shared"
)

// TestAgainstScikitLearn compares predictions with those of scikit-learn 1.2:
// all 8,000 agree, no tie is decided otherwise.
func TestAgainstScikitLearn(t *testing.T) {
	path := shared.Path(t, "fixtures", "knn", "knn.npz")
	f, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	floats := func(name string) (v []float32) {
		if err := f.Read(name, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	ints := func(name string) (v []int) {
		var w []int64
		if err := f.Read(name, &w); err != nil {
			t.Fatal(err)
		}
		for _, e := range w {
			v = append(v, int(e))
		}
		return v
	}
	bank, labels, queries := floats("train.npy"), ints("train_y.npy"), floats("test.npy")
	d := len(bank) / len(labels)
	ks := []int{1, 5, 20, 200}
	compared := 0
	for _, metric := range []Metric{Cosine, Euclidean} {
		x, err := New(context.Background(), nil, bank, len(labels), d, metric)
		if err != nil {
			t.Fatal(err)
		}
		nb, err := x.Search(context.Background(), queries, len(queries)/d, 200)
		if err != nil {
			t.Fatal(err)
		}
		for name, vote := range map[string]Vote{"uniform": Uniform, "distance": Distance, "softmax0.07": Softmax} {
			if vote == Softmax && metric == Euclidean {
				continue
			}
			pred, err := Classify(nb, labels, 10, ks, vote, 0.07)
			if err != nil {
				t.Fatal(err)
			}
			for a, k := range ks {
				key := fmt.Sprintf("k%d_%v_%s", k, metric, name)
				want := ints(key + ".npy")
				compared += len(want)
				for i := range want {
					if pred[a][i] != want[i] {
						t.Errorf("%s: query %d is called %d, want %d", key, i, pred[a][i], want[i])
					}
				}
			}
		}
	}
	if compared != 20*400 {
		t.Errorf("%d predictions compared, want 8000", compared)
	}
}
