package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Metric describes what was measured of every layer. Tables, figures, CSV and pages
// read the descriptions in Probe.Metrics, so they show a metric that they have never
// heard of.
type Metric struct {
	Name       string `json:"name"`             // by which it is asked for
	Title      string `json:"title"`            // of its figure
	Definition string `json:"definition"`       // the formula, in a line
	Source     string `json:"source,omitempty"` // of the definition
	Settings   string `json:"settings,omitempty"`
	Unit       string `json:"unit"` // of the numbers, the name of the figure's axis
	Better     Better `json:"better,omitempty"`
	Scale      Scale  `json:"scale,omitempty"`
	Parts      []Part `json:"parts"` // the numbers of a layer, a curve each
}

// Part is one of the numbers that a metric is of a layer.
type Part struct {
	Column string `json:"column"` // the head of its column in tables
	Key    string `json:"key"`    // its place in a layer of probe.json: "nc1.true"
	Label  string `json:"label"`  // in legends
}

// Better says which direction of a metric means that a layer tells more; "" where it
// is no matter of better and worse.
type Better string

// The directions.
const (
	Higher Better = "higher"
	Lower  Better = "lower"
)

// Scale says how a metric is drawn.
type Scale string

// The scales.
const (
	Fraction    Scale = "fraction"    // linear, from 0 to at most 1; chance and pixels are references
	Linear      Scale = "linear"      // linear, as far as the numbers go
	Logarithmic Scale = "logarithmic" // of positive numbers
)

// NeighboursMetric is the name of the metric that every probe has: k-NN accuracy.
const NeighboursMetric = "knn"

// Neighbours describes k-NN accuracy.
func Neighbours() Metric {
	return Metric{Name: NeighboursMetric, Title: "k-NN accuracy", Unit: "accuracy", Better: Higher, Scale: Fraction,
		Definition: "the share of queries that the vote of their k nearest neighbours in the bank classifies rightly",
		Source:     "Anagnostidis et al. 2023; Wu et al. 2018",
		Parts: []Part{
			{"true", "knn.true", "true labels"},
			{"assigned", "leave_one_out.assigned", "assigned labels, training set, leave-one-out"},
			{"untrained", "untrained.true", "true labels, untrained network"},
		}}
}

// Described returns the metrics of p in the order in which they are shown. A document
// that describes none has k-NN alone.
func (p *Probe) Described() []Metric {
	if len(p.Metrics) == 0 {
		return []Metric{Neighbours()}
	}
	return p.Metrics
}

// AtEmbedding returns the embedding's layer, or one of which nothing was measured.
func (p *Probe) AtEmbedding() *Layer {
	for i := range p.Layers {
		if l := &p.Layers[i]; l.Role == "embedding" || l.Role == "" && l.Name == p.Model.Embedding {
			return l
		}
	}
	return new(Layer)
}

// Values are numbers of a layer by their Part.Key, which has a dot where they lie in
// an object.
type Values map[string]Number

// At returns the number of a Part.Key, of k-NN accuracies that for k neighbours; NaN
// where it was not measured.
func (l *Layer) At(key string, k int) float64 {
	for _, a := range []struct {
		name string
		knn  *KNN
	}{{"knn", &l.KNN}, {"leave_one_out", l.LeaveOneOut}, {"untrained", l.Untrained}} {
		switch {
		case a.knn == nil:
		case key == a.name+".true":
			return a.knn.True.At(k)
		case key == a.name+".assigned":
			return a.knn.Assigned.At(k)
		}
	}
	if v, ok := l.Values[key]; ok {
		return float64(v)
	}
	return math.NaN()
}

// fields are those of Layer without its methods.
type fields Layer

// fieldNames are the keys of a layer that are not metrics.
var fieldNames = func() map[string]bool {
	names := map[string]bool{}
	for t, i := reflect.TypeFor[Layer](), 0; i < t.NumField(); i++ {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}()

// MarshalJSON writes the values among the fields: "rankme":3 and "nc1":{"true":2}.
func (l Layer) MarshalJSON() ([]byte, error) {
	b, err := json.Marshal(fields(l))
	if err != nil || len(l.Values) == 0 {
		return b, err
	}
	tree := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(l.Values)) {
		name, part, inside := strings.Cut(key, ".")
		if fieldNames[name] {
			return nil, fmt.Errorf("result: layer %q: a metric has the key %q, which is a field's", l.Name, key)
		}
		if !inside {
			tree[name] = l.Values[key]
			continue
		}
		parts, ok := tree[name].(Values)
		if !ok {
			if parts = (Values{}); tree[name] != nil {
				return nil, fmt.Errorf("result: layer %q: %q is a number and has parts", l.Name, name)
			}
			tree[name] = parts
		}
		parts[part] = l.Values[key]
	}
	values, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	return slices.Concat(b[:len(b)-1], []byte{','}, values[1:]), nil
}

// UnmarshalJSON reads what MarshalJSON writes; what is neither a field nor numbers is
// left out.
func (l *Layer) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, (*fields)(l)); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	l.Values = nil
	for name, raw := range all {
		if fieldNames[name] {
			continue
		}
		parts := map[string]*Number{}
		if json.Unmarshal(raw, &parts) != nil || bytes.Equal(raw, []byte("null")) {
			v := new(Number)
			if json.Unmarshal(raw, v) != nil {
				continue
			}
			parts = map[string]*Number{"": v}
		}
		for part, v := range parts {
			l.set(name, part, v)
		}
	}
	return nil
}

func (l *Layer) set(name, part string, v *Number) {
	if l.Values == nil {
		l.Values = Values{}
	}
	if part != "" {
		name += "." + part
	}
	l.Values[name] = Number(v.Value())
}
