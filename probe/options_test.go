package probe

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"memprobe/probe/knn"
)

// Whatever a flag sets is in probe.json, at a place that the schema describes.
func TestOptionsHaveAPlace(t *testing.T) {
	text, err := os.ReadFile("../docs/schema/probe.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Ref        string `json:"$ref"`
		Properties map[string]json.RawMessage
	}
	var root struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	for _, f := range OptionFields() {
		at := root.object
		for _, key := range strings.Split(f.Place, ".") {
			raw, ok := at.Properties[key]
			if !ok {
				t.Errorf("option %s: the schema has no %q", f.Key, f.Place)
				break
			}
			at = object{}
			if err := json.Unmarshal(raw, &at); err == nil && at.Ref != "" {
				at = root.Defs[strings.TrimPrefix(at.Ref, "#/$defs/")]
			}
		}
		if f.Help == "" || f.Type == "" {
			t.Errorf("option %s has help %q and type %q", f.Key, f.Help, f.Type)
		}
	}
}

// The settings of a result are the options that were asked for, and without those that
// did not count.
func TestSettingsAreTheOptions(t *testing.T) {
	o := Options{NoUntrained: true}
	for key, value := range map[string]string{"layers": "stem", "k": "5,3", "pool": "max", "metric": "euclidean",
		"vote":        "softmax",
		"temperature": "0.5", "draws": "2", "untrained-statistics": "estimated", "views": "3", "batch": "16", "seed": "7"} {
		if err := o.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Run(context.Background(), residual(t), testData(), o)
	if err != nil {
		t.Fatal(err)
	}
	s := p.Settings
	if len(s.K) != 2 || s.K[0] != 3 || s.Headline != 5 || s.Pool != "max" || s.Metric != "euclidean" ||
		s.Vote != "softmax" ||
		s.Temperature != 0.5 || s.Seed != 7 || s.Batch != 16 || len(s.Layers) != 1 || s.Layers[0] != "stem" {
		t.Errorf("settings %+v", s)
	}
	if s.Draws != 0 || s.Statistics != "" || s.Untrained != "" || s.Views != 0 || s.Viewed != 0 {
		t.Errorf("settings of networks and views that there were not: %+v", s)
	}
}

func TestOptionsSet(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"k", "0", "k 0, want 1 or more"},
		{"pool", "sum", `pool "sum", want auto, avg, max, flatten, none, mean, last, cls or token:N`},
		{"metric", "manhattan", `metric "manhattan", want cosine or euclidean`},
		{"vote", "all", `vote "all", want one of uniform, distance, softmax`},
		{"temperature", "0", "temperature 0, want a number above 0"},
		{"margin", "1", "margin 1, want a number between 0 and 1"},
		{"bank", "all,all", `bank "all" is there twice`},
		{"metrics", "entropy", `metrics "entropy", want all or some of`},
		{"untrained-statistics", "initail", "did you mean initial"},
		{"views", "1", "views 1, want 2 or more"},
		{"draws", "-1", "draws -1, want 0 or more"},
		{"color", "red", "color is no option"},
	} {
		o := DefaultOptions()
		if err := o.Set(c.key, c.value); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("--%s %s: %v, want %q", c.key, c.value, err, c.want)
		}
	}
	o := DefaultOptions()
	if o.Batch != 64 || o.K[0] != 20 || o.Margin != 0.02 || o.Lambda != 1e-3 || o.Samples != 2000 ||
		o.Metric != knn.Cosine {
		t.Errorf("defaults %+v", o)
	}
}
