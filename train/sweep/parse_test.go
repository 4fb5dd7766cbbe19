package sweep

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	p, err := Parse("plan.yaml", "plan", []byte(plan), Setting{"batch", "32"}, Setting{"arch", "cnn"})
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, c := range p.Cells {
		labels = append(labels, c.Label())
		if c.Config.Batch != 32 || c.Config.Arch != "cnn" {
			t.Errorf("%s: batch %d of %s, want the settings'", c.Label(), c.Config.Batch, c.Config.Arch)
		}
	}
	want := []string{"plain seed=1 lr=0.1", "plain seed=1 lr=0.01", "plain seed=2 lr=0.1", "plain seed=2 lr=0.01",
		"augmented seed=1 lr=0.1", "augmented seed=1 lr=0.01", "augmented seed=2 lr=0.1", "augmented seed=2 lr=0.01"}
	if !slices.Equal(labels, want) {
		t.Errorf("cells %q, want %q", labels, want)
	}
	if c := p.Cells[7].Config; c.Augment != "crop-flip" || c.Epochs != 5 || c.Seed != 2 || c.LR != 0.01 {
		t.Errorf("last cell is %+v", c)
	}
	// The name is the configuration's, whatever plan it is in.
	again, err := Parse("other.yaml", "other", []byte("base: {arch: cnn, epochs: 3, batch: 32, seed: 2, lr: 0.1}"))
	if err != nil {
		t.Fatal(err)
	}
	if again.Cells[0].Name != p.Cells[2].Name {
		t.Errorf("the same configuration is named %s and %s", again.Cells[0].Name, p.Cells[2].Name)
	}
	if p.Cells[2].Name == p.Cells[3].Name {
		t.Error("two configurations have one name")
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "plan.yaml: is empty or several documents, want one plan",
		"a: [":                                  "plan.yaml:1: is no YAML: a bracket or a brace is not closed",
		"a: {b: 1":                              "plan.yaml:1: is no YAML: a bracket or a brace is not closed",
		"a: \"b":                                "plan.yaml:1: is no YAML: a quote is not closed",
		"base:\n\tarch: mlp":                    "plan.yaml:2: is no YAML: a tab indents, want spaces",
		"- a":                                   "plan.yaml:1: the plan is a list, want keys with values",
		"base: {}\nrid: {}":                     "plan.yaml:2: rid: unknown, want about, base, variants or grid",
		"base:\n  archh: mlp":                   "plan.yaml:2: archh: unknown; did you mean arch?",
		"base:\n  lr: 1\n  arch: alexnet":       `plan.yaml:3: arch: "alexnet", want one of resnet8`,
		"base:\n  epochs: [1, 2]":               "plan.yaml:2: epochs: is a list, want a single value",
		"base:\n  epochs:":                      "plan.yaml:2: epochs: is empty, want a single value",
		"grid:\n  seed: 3":                      "plan.yaml:2: seed: is the value 3, want a list of values",
		"grid:\n  seed: []":                     "plan.yaml:2: seed: is an empty list, want at least one value",
		"grid:\n  seed:\n  - 1\n  - x":          `plan.yaml:4: seed: "x", want a whole number`,
		"variants:\n- arch: mlp":                `plan.yaml:2: variants: a variant is named "", want a name of its own`,
		"variants:\n- name: a\n- name: a":       `plan.yaml:3: variants: a variant is named "a"`,
		"variants: {}":                          "plan.yaml:1: variants: is a mapping, want a list",
		"variants:\n- name: a\n- name: b":       `plan.yaml: cells "a" and "b" are the same run`,
		"grid: {seed: [1, 1]}":                  "are the same run",
		"base: {labels: per-view}":              "labels per-view wants views above 0",
		"grid:\n  batch: [2]":                   `batch 7, but the plan plan varies it: leave it out`,
		"base: {arch: mlp}\nbase: {arch: mlp}":  `plan.yaml:2: the key "base" is there twice`,
		"base:\n  arch: mlp\n  arch: cnn":       `plan.yaml:3: the key "arch" is there twice`,
		"base: {<<: *x}":                        "plan.yaml:1: alias *x, but no anchor &x comes before it",
		"x: !!binary aGk=":                      "unknown",
		"base: {seed: 99999999999999999999999}": "seed",
	} {
		_, err := Parse("plan.yaml", "plan", []byte(text), Setting{"batch", 7})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %q has several lines", text, err)
		}
	}
	huge := "grid:\n  seed: [" + strings.Repeat("1,", 200) + "2]\n  lr: [" + strings.Repeat("0.1,", 200) + "0.2]"
	if _, err := Parse("plan.yaml", "plan", []byte(huge)); err == nil ||
		!strings.Contains(err.Error(), "more than 10000 cells") {
		t.Errorf("error %v, want one about too many cells", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(plan)
	f.Add("base: &a {lr: 1}\ngrid: *a")
	f.Fuzz(func(t *testing.T, text string) { Parse("plan.yaml", "plan", []byte(text)) })
}

func TestPresets(t *testing.T) {
	for _, name := range Presets() {
		for _, scale := range Scales() {
			p, err := Preset(name, scale)
			if err != nil {
				t.Error(err)
			} else if len(p.Cells) < 3 || p.About == "" {
				t.Errorf("%s %s: %d cells about %q", name, scale, len(p.Cells), p.About)
			}
		}
	}
	if len(Presets()) != 8 {
		t.Errorf("presets %v, want 8", Presets())
	}
	if _, err := Preset("benign", "huge"); err == nil || !strings.Contains(err.Error(), "small, medium, paper") {
		t.Errorf("error %v", err)
	}
}
