package probe

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"memprobe/onnx"
	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// Against is another network that a model is compared with.
type Against struct {
	Model *onnx.Model
	// Data are the same images with the same labels, in the same order, as this network
	// takes them. Assigned labels, if there are any, are not looked at.
	Data      Data
	Mean, Std []float32 // normalisation of pixels
	Logits    string    // as Options.Logits
}

// againstRow describes the numbers of a layer and its match.
func againstRow() Metric {
	return Metric{Metric: result.Metric{Name: "against", Title: "Agreement with another network", Unit: "agreement",
		Scale: result.Fraction,
		Definition: "of a layer and the layer of the other network that matches it: debiased linear CKA, and the k nearest neighbours of a query that both have, " +
			"as a share of k and (Jaccard) of those that either has, means over the queries",
		Source: "Kornblith et al. 2019; Song et al. 2012; Jaccard 1912",
		Parts: parts("against", [2]string{"cka", "debiased linear CKA"}, [2]string{"shared", "neighbours in common"},
			[2]string{"jaccard", "neighbours in common, Jaccard"})},
		When: func(l *LayerData) bool { return l.Options.Against != nil },
		With: func(l *LayerData) string {
			return fmt.Sprintf("the other network: %s; CKA on %d training images; k = %d",
				filepath.Base(l.Options.Against.Model.Name()), len(l.Sample), l.Options.Headline)
		}}
}

// seen is what a network makes of the images.
type seen struct {
	layers  []result.Other
	sampled []Features // of the sampled images, by layer
	asked   []answers  // of the first bank, by layer
	test    []int      // the network's own predictions; nil where they are no true classes
}

// against compares the trained network with another one.
func (r *runner) against(ctx context.Context, trained *network) (*result.Against, error) {
	other, theirs, err := r.see(ctx)
	if err != nil {
		return nil, fmt.Errorf("the other network: %w", err)
	}
	ours := &seen{test: trained.test}
	for _, l := range trained.layers {
		ours.add(l.Layer, l.sampled, l.banks[0])
	}
	if r.data.foreign() {
		ours.test = nil
	}
	k := r.Headline
	a := &result.Against{Model: other.describe(r.Against.Model).Model, Sampled: len(r.sample),
		Queries: len(r.banks[0].truth), K: k,
		Bank: r.banks[0].name, Chance: result.Number(float64(k) / float64(r.banks[0].hi-r.banks[0].lo)),
		Layers: theirs.layers}
	cka, err := Alignment(ctx, r.Workers, ours.sampled, theirs.sampled)
	if err != nil {
		return nil, err
	}
	common := make([][][]int, len(ours.layers)) // [layer][layer of the other][query]
	for x := range common {
		common[x] = make([][]int, len(theirs.layers))
		r.Workers.For(len(theirs.layers), func(_, y int) {
			common[x][y] = Common(ours.asked[x].near, theirs.asked[y].near, k)
		})
		var ckas, shares []result.Number
		for y := range theirs.layers {
			shared, _ := shareOf(common[x][y], k)
			ckas, shares = append(ckas, result.Number(cka[x][y])), append(shares, result.Number(meanOf(shared)))
		}
		a.CKA, a.Shared = append(a.CKA, ckas), append(a.Shared, shares)
	}
	pairs := matches(ours.layers, theirs.layers, cka)
	for _, m := range pairs {
		a.Matches = append(a.Matches, matched(ours, theirs, m, cka[m.x][m.y], common[m.x][m.y], k, r.banks[0].truth))
	}
	r.differ(a, ours, theirs, pairs, common)
	return a, nil
}

// see runs the other network on the images and has its neighbours answer.
func (r *runner) see(ctx context.Context) (*runner, *seen, error) {
	o, data := r.Options, r.Against.Data
	o.Mean, o.Std, o.Logits = r.Against.Mean, r.Against.Std, r.Against.Logits
	o.PerImage, o.Losses, o.Augment, o.Metrics, o.Own = false, nil, nil, nil, nil
	data.Assigned = nil
	other, err := newRunner(r.Against.Model, data, o)
	if err != nil {
		return nil, nil, err
	}
	defer other.close()
	if err := r.sameImages(other); err != nil {
		return nil, nil, err
	}
	net := newSubject(func() (*onnx.Model, error) { return r.Against.Model, nil }, "trained", "the other network, ")
	s, last := new(seen), len(other.layers)-1
	s.layers, s.sampled, s.asked = make([]result.Other, last+1), make([]Features, last+1), make([]answers, last+1)
	for _, group := range other.groups {
		f, err := other.features(ctx, net, group, nil)
		if err != nil {
			return nil, nil, err
		}
		err = f.each(group, func(l int, f layerFeatures) error {
			if l == last && f.test.N > 0 && f.test.D == len(data.Classes) && !other.data.foreign() {
				s.test = argmax(f.test)
			}
			asked, err := other.ask(ctx, f, nil)
			if err == nil {
				d := other.describeLayer(l, f)
				s.layers[l], s.sampled[l], s.asked[l] = otherOf(d), f.images.rows(other.sample), asked[0]
			}
			return err
		})
		if err != nil {
			return nil, nil, other.ofLayer(err)
		}
	}
	return other, s, net.release()
}

func otherOf(l result.Layer) result.Other {
	return result.Other{Name: l.Name, Role: l.Role, Dim: l.Dim, Pool: l.Pool}
}

func (s *seen) add(l result.Layer, sampled Features, asked answers) {
	s.layers, s.sampled, s.asked = append(s.layers, otherOf(l)), append(s.sampled, sampled), append(s.asked, asked)
}

// sameImages reports where two networks do not see as many images of the same labels.
func (r *runner) sameImages(other *runner) error {
	for i, of := range []struct {
		what       string
		ours, them []int
	}{{"training images", labelsOf(r.images), labelsOf(other.images)}, {"test images", r.testLabels, other.testLabels}} {
		if !slices.Equal(of.ours, of.them) || i == 0 && r.data.Train.N() != other.data.Train.N() {
			return fmt.Errorf("probe: %d %s, the same labels in the same order are wanted as of the %d of the model",
				len(of.them), of.what, len(of.ours))
		}
	}
	return nil
}

// Common returns for each query how many of its k nearest neighbours both a and b have.
// Both have the same queries and bank, and K of at least k.
func Common(a, b *knn.Neighbors, k int) []int {
	out := make([]int, a.Queries)
	x, y := make([]int32, k), make([]int32, k)
	for q := range out {
		ours, _ := a.Row(q)
		theirs, _ := b.Row(q)
		copy(x, ours)
		copy(y, theirs)
		slices.Sort(x)
		slices.Sort(y)
		for i, j := 0, 0; i < k && j < k; {
			switch {
			case x[i] < y[j]:
				i++
			case x[i] > y[j]:
				j++
			default:
				out[q]++
				i, j = i+1, j+1
			}
		}
	}
	return out
}

// shareOf is the share of k neighbours that are common and, for each query, the common
// ones over those of either: c/k and c/(2k−c).
func shareOf(common []int, k int) (shared, jaccard []float64) {
	for _, c := range common {
		shared, jaccard = append(shared, float64(c)/float64(k)), append(jaccard, float64(c)/float64(2*k-c))
	}
	return shared, jaccard
}

// pair is a layer and its match.
type pair struct {
	x, y int
	by   string
}

// matches finds for each layer the other's layer of the same name; where there is none,
// that of the same role, where both have one of it; else that of the greatest alignment.
func matches(ours, theirs []result.Other, cka [][]float64) []pair {
	lone := func(layers []result.Other, role string) int {
		at := -1
		for i, l := range layers {
			if l.Role == role && role != "" {
				if at >= 0 {
					return -1
				}
				at = i
			}
		}
		return at
	}
	var out []pair
	for x, l := range ours {
		p := pair{x, slices.IndexFunc(theirs, func(o result.Other) bool { return o.Name == l.Name }), result.ByName}
		if p.y < 0 && lone(ours, l.Role) >= 0 {
			p.y, p.by = lone(theirs, l.Role), result.ByRole
		}
		if p.y < 0 {
			p.by = result.ByCKA
			for y, v := range cka[x] {
				if !math.IsNaN(v) && (p.y < 0 || v > cka[x][p.y]) {
					p.y = y
				}
			}
		}
		if p.y >= 0 {
			out = append(out, p)
		}
	}
	return out
}

func matched(ours, theirs *seen, p pair, cka float64, common []int, k int, truth []int) result.Match {
	a, b := ours.asked[p.x], theirs.asked[p.y]
	shared, jaccard := shareOf(common, k)
	m := result.Match{Layer: ours.layers[p.x].Name, Other: theirs.layers[p.y].Name, By: p.by, CKA: result.Number(cka),
		Shared: result.Number(meanOf(shared)), SharedCI: meanInterval(shared), Jaccard: result.Number(meanOf(jaccard)),
		JaccardCI: meanInterval(jaccard),
		True:      a.accuracy[k], OtherTrue: b.accuracy[k], McNemar: mcNemar(a.right, b.right)}
	for i := range truth {
		if a.called[i] != b.called[i] {
			m.Differ++
		}
	}
	return m
}

// meanInterval is the 95 % interval of a mean, by Student's t; NaN of fewer than two
// numbers.
func meanInterval(x []float64) result.Interval {
	m, half := meanOf(x), math.NaN()
	if n := float64(len(x)); n > 1 {
		half = distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975) * deviation(x) / math.Sqrt(n)
	}
	return result.Interval{result.Number(m - half), result.Number(m + half)}
}

// differ describes every query, and lists those that the neighbours at the embedding
// answer differently.
func (r *runner) differ(a *result.Against, ours, theirs *seen, pairs []pair, common [][][]int) {
	at := slices.IndexFunc(pairs, func(p pair) bool { return p.x == r.embedding })
	own := ours.test != nil && theirs.test != nil
	if own {
		a.Predictions = new(int)
	}
	var differed []*result.Differed
	a.Rows = make([]result.Differed, a.Queries)
	for i := range a.Rows {
		d := &a.Rows[i]
		d.Index, d.True = i, r.banks[0].truth[i]
		if r.data.QueryIdentity != nil {
			place := i
			if r.testLabels == nil {
				place += r.banks[0].lo
			}
			d.Index, d.File = r.data.QueryIdentity(place)
		}
		if own {
			d.Prediction, d.OtherPrediction = &ours.test[i], &theirs.test[i]
			*a.Predictions += int(one(ours.test[i] != theirs.test[i]))
		}
		for _, p := range pairs {
			d.ByMatch = append(d.ByMatch,
				result.Asked{Neighbours: ours.asked[p.x].called[i], OtherNeighbours: theirs.asked[p.y].called[i],
					Shared: float32(common[p.x][p.y][i]) / float32(a.K)})
		}
		if at < 0 {
			continue
		}
		e := d.ByMatch[at]
		d.Neighbours, d.OtherNeighbours, d.Shared = e.Neighbours, e.OtherNeighbours, result.Number(e.Shared)
		if e.Neighbours != e.OtherNeighbours {
			differed = append(differed, d)
		}
	}
	a.Differ = top(differed, func(d *result.Differed) float64 { return float64(d.Shared) })
}

// againstValues sets the numbers of each layer that has a match.
func againstValues(p *result.Probe) {
	if p.Against == nil {
		return
	}
	for _, m := range p.Against.Matches {
		at := slices.IndexFunc(p.Layers, func(l result.Layer) bool { return l.Name == m.Layer })
		l := &p.Layers[at]
		if l.Values == nil {
			l.Values = result.Values{}
		}
		l.Values["against.cka"], l.Values["against.shared"], l.Values["against.jaccard"] = m.CKA, m.Shared, m.Jaccard
	}
}
