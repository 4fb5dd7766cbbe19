package train

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"memprobe/train/optim"
)

func TestDefaultIsValid(t *testing.T) {
	c := Default()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	for _, f := range Fields() {
		if f.Key == "" || f.Help == "" || f.Type == "" {
			t.Errorf("field %+v is not described", f)
		}
		if (f.Type == "int" || f.Type == "float") != (f.Range != "") {
			t.Errorf("%s: a number has a range, other values have none", f.Key)
		}
	}
}

func TestSet(t *testing.T) {
	c := Default()
	for key, v := range map[string]any{"lr": "1e-2", "epochs": uint64(7), "width": 8.0, "nesterov": true,
		"shuffle": "false", "seed": "18446744073709551615",
		"labels": "noise:0.5", "augment": "crop-flip", "normalize": "0.5/0.25"} {
		if err := c.Set(key, v); err != nil {
			t.Error(err)
		}
	}
	if c.LR != 0.01 || c.Epochs != 7 || c.Width != 8 || !c.Nesterov || c.Shuffle || c.Seed != 1<<64-1 ||
		c.Augment != "crop-flip" {
		t.Errorf("set to %+v", c)
	}
	for _, bad := range []struct {
		key  string
		v    any
		want string
	}{
		{"learning-rate", 1, "learning-rate unknown, want one of arch, stem"},
		{"arch", "alexnet", `arch "alexnet", want one of resnet8`},
		{"epochs", 1.5, `epochs "1.5", want a whole number`},
		{"epochs", 0, "epochs 0, want 1 or more"},
		{"lr", "NaN", "lr NaN, want 0 or more"},
		{"lr", "1e400", `lr "1e400", want a number`},
		{"mixup", 2, "mixup 2, want 0 to 1"},
		{"nesterov", "perhaps", "want true or false"},
		{"labels", "noise:7", `labels "noise:7": want true, random`},
		{"augment", "cutout", `augment "cutout": `},
		{"normalize", "0.5", "normalize \"0.5\", want none"},
		{"seed", -1, `seed "-1", want a whole number of 0 or more`},
		{"lr", []any{1, 2}, "lr [1 2], want a single value"},
		{"lr", nil, "want a single value"},
	} {
		before := c
		err := c.Set(bad.key, bad.v)
		if e, ok := errors.AsType[*ConfigError](err); !ok || e.Key != bad.key || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s = %v: error %v, want %q", bad.key, bad.v, err, bad.want)
		}
		if c != before {
			t.Errorf("%s = %v: the configuration changed", bad.key, bad.v)
		}
	}
}

func TestCheckTogether(t *testing.T) {
	for want, change := range map[string]func(*Config){
		`stem "medium", want one of small, imagenet`:   func(c *Config) { c.Arch, c.Stem = "vgg11", "medium" },
		"labels per-view wants views above 0":          func(c *Config) { c.Labels = "per-view" },
		"ideal-views does not go with views":           func(c *Config) { c.Views, c.IdealViews = 2, 2 },
		"cutmix 0.6 and mixup 0.5":                     func(c *Config) { c.Mixup, c.CutMix = 0.5, 0.6 },
		"nesterov wants a momentum above 0":            func(c *Config) { c.Nesterov, c.Momentum = true, 0 },
		"min-lr 1, want at most the learning rate 0.1": func(c *Config) { c.LR, c.MinLR = 0.1, 1 },
	} {
		c := Default()
		change(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// What run.json holds is read back as the same configuration.
func TestMapRoundTrip(t *testing.T) {
	c := Default()
	c.LR, c.Seed, c.Augment, c.LogSteps = 3e-4, 1<<53+1, "hflip(p=0.5)", true
	b, err := json.Marshal(c.Map())
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	got, err := FromMap(m)
	if err != nil {
		t.Fatal(err)
	}
	if got != c {
		t.Errorf("read back %+v, want %+v", got, c)
	}
}

// A field that came later and is not set does not show in what a cell's name is
// made of.
func TestMapLeavesOutWhatIsNotSet(t *testing.T) {
	c := Default()
	for key := range c.Map() {
		if key == "image-size" || key == "freeze" || key == "log-losses" {
			t.Errorf("%s is in the map of a configuration that does not set it", key)
		}
	}
	c.ImageSize = 48
	if got := c.Map()["image-size"]; got != 48 {
		t.Errorf("image-size 48 is %v in the map", got)
	}
}

// The help of what is chosen from a table names all that is in it.
func TestHelpNamesChoices(t *testing.T) {
	for key, names := range map[string][]string{"loss": lossNames(), "optimizer": optim.Names(),
		"schedule": optim.Schedules()} {
		help := Fields()[slices.Index(Keys(), key)].Help
		for _, name := range names {
			c := Default()
			if err := c.Set(key, name); err != nil || !strings.Contains(help, name) {
				t.Errorf("%s %s: %v; help %q", key, name, err, help)
			}
		}
	}
}
