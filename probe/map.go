package probe

import (
	"math"
	"slices"

	"memprobe/internal/rng"
	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// A plane is where the images of the map lie at a layer.
type plane struct {
	at        [][2]float32
	explained [2]float64
}

// mappedImages chooses n training images for the map: the classes in turn, of each in
// random order, until there are n.
func (r *runner) mappedImages(n int) []int {
	order := make([]int, len(r.trainLabels))
	s := rng.New(r.Seed, rng.Metric, 2)
	s.Perm(order)
	byClass := make([][]int, len(r.data.Classes))
	for _, i := range order {
		byClass[r.trainLabels[i]] = append(byClass[r.trainLabels[i]], i)
	}
	var chosen []int
	for turn := 0; len(chosen) < min(n, len(order)); turn++ {
		for _, images := range byClass {
			if turn < len(images) && len(chosen) < n {
				chosen = append(chosen, images[turn])
			}
		}
	}
	slices.Sort(chosen)
	return chosen
}

// mapped places the images of the map by the features of a layer.
func (r *runner) mapped(f Features) (plane, error) {
	if r.Options.Metric == knn.Cosine {
		for i := range f.N {
			knn.Normalize(f.Row(i))
		}
	}
	return components(r.Workers, f)
}

// drawMap puts the planes of all layers together. A component is turned round where it
// is against that of the layer before, and at the first layer where its greatest value is
// negative.
func (r *runner) drawMap(n *network) *result.Map {
	m := &result.Map{Images: len(r.onMap), Features: "features", Rows: r.onMap}
	if r.Options.Metric == knn.Cosine {
		m.Features = "features of unit length"
	}
	for _, i := range r.onMap {
		index := i
		if r.data.Identity != nil {
			index, _ = r.data.Identity(i)
		}
		m.Index, m.True = append(m.Index, index), append(m.True, r.trainLabels[i])
		if r.data.Assigned != nil {
			m.Assigned = append(m.Assigned, r.data.Assigned[i])
		}
	}
	for l := range n.layers {
		p := n.layers[l].plane
		for c := range 2 {
			along := 0.0
			if l == 0 {
				for _, at := range p.at {
					if v := float64(at[c]); math.Abs(v) > math.Abs(along) {
						along = v
					}
				}
			} else {
				for i, at := range p.at {
					along += float64(at[c]) * float64(m.Places[l-1][i][c])
				}
			}
			if along < 0 {
				for i := range p.at {
					p.at[i][c] = -p.at[i][c]
				}
			}
		}
		m.Places = append(m.Places, p.at)
		m.Layers = append(m.Layers, result.MapLayer{Name: n.layers[l].Name,
			Explained: [2]result.Number{result.Number(p.explained[0]), result.Number(p.explained[1])}})
	}
	return m
}
