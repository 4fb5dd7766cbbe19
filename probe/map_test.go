package probe

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
	"memprobe/probe/knn"
)

// Components are those of the singular value decomposition of the centred features, for
// more rows than columns and for fewer, up to their signs.
func TestComponentsAgainstSVD(t *testing.T) {
	pool := parallel.New(2)
	defer pool.Close()
	s := rng.New(5, 6)
	for _, c := range [][2]int{{40, 7}, {12, 90}, {30, 1}, {2, 5}, {25, 25}} {
		n, d := c[0], c[1]
		f := Features{n, d, make([]float32, n*d)}
		x := mat.NewDense(n, d, nil)
		for i := range n {
			for j := range d {
				f.Data[i*d+j] = 100 + float32(s.Normal()*10/float64(1+j%9))
			}
		}
		m := f.mean()
		for i := range n {
			for j := range d {
				x.Set(i, j, float64(f.Data[i*d+j])-m[j])
			}
		}
		var svd mat.SVD
		if !svd.Factorize(x, mat.SVDThin) {
			t.Fatal("no decomposition")
		}
		sigma, total := svd.Values(nil), 0.0
		for _, v := range sigma {
			total += v * v
		}
		var u mat.Dense
		svd.UTo(&u)
		got, err := components(pool, f)
		if err != nil {
			t.Fatal(err)
		}
		for k := range 2 {
			want, share := make([]float64, n), 0.0
			if k < len(sigma) && sigma[k] > 1e-9*sigma[0] {
				share = sigma[k] * sigma[k] / total
				for i := range want {
					want[i] = u.At(i, k) * sigma[k]
				}
			}
			// float32 features about 100 with deviations of 10 are rounded by 4e-6.
			if err := tol.Close([]float64{got.explained[k]}, []float64{share}, 1e-6, 1e-6); err != nil {
				t.Errorf("[%d,%d]: share of component %d: %v", n, d, k, err)
			}
			along, at := 0.0, make([]float64, n)
			for i := range at {
				at[i] = float64(got.at[i][k])
				along += at[i] * want[i]
			}
			for i := range at {
				at[i] = math.Copysign(1, along) * at[i]
			}
			if err := tol.Close(at, want, 1e-3, 1e-4); err != nil {
				t.Errorf("[%d,%d]: component %d: %v", n, d, k, err)
			}
		}
	}
	same := Features{3, 2, []float32{1, 2, 1, 2, 1, 2}}
	if got, err := components(pool, same); err != nil || !math.IsNaN(got.explained[0]) || got.at[1] != [2]float32{} {
		t.Errorf("rows that are the same: %+v, %v", got, err)
	}
}

// The map has each layer's images once, balanced over the classes, no component against
// that of the layer before, and is bit-identical for any number of threads.
func TestMap(t *testing.T) {
	data, o := testData(), Options{K: []int{3}, NoUntrained: true, Map: 20, Pooling: Flatten, Metric: knn.Euclidean}
	m := run(t, residual(t), data, o).Map
	if m.Images != 20 || len(m.Rows) != 20 || !slices.IsSorted(m.Rows) ||
		len(slices.Compact(slices.Clone(m.Rows))) != 20 || len(m.Layers) != len(m.Places) {
		t.Fatalf("a map of %d images, rows %v, %d layers, %d places", m.Images, m.Rows, len(m.Layers), len(m.Places))
	}
	count := map[int]int{}
	for i, row := range m.Rows {
		count[m.True[i]]++
		if m.True[i] != data.Train.Label(row) || m.Assigned[i] != data.Assigned[row] || m.Index[i] != row {
			t.Errorf("image %d has labels %d and %d", row, m.True[i], m.Assigned[i])
		}
	}
	for c, n := range count {
		if n < 20/len(data.Classes) {
			t.Errorf("class %d has %d of 20 images, want a share of %d classes", c, n, len(data.Classes))
		}
	}
	for l := 1; l < len(m.Places); l++ {
		for c := range 2 {
			along := 0.0
			for i := range m.Places[l] {
				along += float64(m.Places[l][i][c]) * float64(m.Places[l-1][i][c])
			}
			if along < 0 {
				t.Errorf("layer %d: component %d is mirrored", l, c)
			}
		}
	}
	o.Workers = parallel.New(3)
	defer o.Workers.Close()
	again := run(t, residual(t), data, o).Map
	for l := range m.Places {
		if !slices.Equal(m.Places[l], again.Places[l]) {
			t.Errorf("layer %d lies elsewhere with three threads", l)
		}
	}
}
