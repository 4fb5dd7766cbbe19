package record

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

type side string

func (s *side) UnmarshalText(text []byte) error {
	if *s = side(text); *s != "left" && *s != "right" {
		return errors.New(`want left or right`)
	}
	return nil
}

type example struct {
	Name    string   `json:"name" default:"x" place:"out.name" help:"of it"`
	Count   int      `json:"count,omitempty" range:"1,10" place:"out.count"`
	Seed    uint64   `json:"seed"`
	Rate    float64  `json:"rate" default:"0.5" range:"(0,1)"`
	Above   float64  `json:"above" range:"(0,"`
	On      bool     `json:"on"`
	Sizes   []int    `json:"sizes" default:"3,4" range:"1," place:"out.sizes"`
	Words   []string `json:"words"`
	Side    side     `json:"side" place:"out.side"`
	Pattern string   `json:"pattern" list:";"`
	Hidden  int      `default:"7"`
	Call    func()
}

func field(t *testing.T, key string) Field {
	t.Helper()
	for _, f := range Fields[example]() {
		if f.Key == key {
			return f
		}
	}
	t.Fatalf("no field %q", key)
	return Field{}
}

func TestFields(t *testing.T) {
	var keys, types []string
	for _, f := range Fields[example]() {
		keys, types = append(keys, f.Key), append(types, f.Type)
	}
	if got := strings.Join(keys, " "); got != "name count seed rate above on sizes words side pattern" {
		t.Errorf("keys %s", got)
	}
	if got := strings.Join(types, " "); got != "string int uint float float bool ints strings string string" {
		t.Errorf("types %s", got)
	}
	f := field(t, "name")
	if f.Help != "of it" || f.Default != "x" || f.Place != "out.name" || f.Omit || !field(t, "count").Omit ||
		field(t, "pattern").List != ";" {
		t.Errorf("%+v", f)
	}
}

func TestSet(t *testing.T) {
	var e example
	for _, c := range []struct {
		key   string
		value any
		text  string // what is then there, "" where it is refused
		want  string // in the error
	}{
		{"name", "a", "a", ""},
		{"count", "10", "10", ""},
		{"count", "11", "", "11, want 1 to 10"},
		{"count", "100000000", "", "100000000, want 1 to 10"},
		{"sizes", "100000000000", "", "100000000000, want at most 2147483647"},
		{"count", "two", "", `"two", want a whole number`},
		{"seed", uint64(math.MaxUint64), "18446744073709551615", ""},
		{"seed", "-1", "", "whole number of 0 or more"},
		{"rate", 0.25, "0.25", ""},
		{"rate", "1", "", "1, want a number between 0 and 1"},
		{"rate", "NaN", "", "want a number between"},
		{"rate", "much", "", `"much", want a number`},
		{"above", "0", "", "0, want a number above 0"},
		{"above", "Inf", "", "want a number above 0"},
		{"above", "1e-9", "1e-09", ""},
		{"on", true, "true", ""},
		{"on", "maybe", "", "want true or false"},
		{"sizes", "5,6", "5,6", ""},
		{"sizes", "5,0", "", "0, want 1 or more"},
		{"sizes", "5,", "", `"", want a whole number`},
		{"sizes", "", "", "empty"},
		{"words", "a,b", "a,b", ""},
		{"words", "", "", ""},
		{"side", "left", "left", ""},
		{"side", "up", "", "want left or right"},
		{"name", []string{"a"}, "", "want a single value"},
		{"name", nil, "", "want a single value"},
	} {
		f := field(t, c.key)
		before := f.Text(&e)
		err := f.Set(&e, c.value)
		switch {
		case c.want == "" && (err != nil || f.Text(&e) != c.text):
			t.Errorf("%s = %v is %q, %v; want %q", c.key, c.value, f.Text(&e), err, c.text)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s = %v: %v, want %q", c.key, c.value, err, c.want)
		case c.want != "" && f.Text(&e) != before:
			t.Errorf("%s = %v, which is refused, leaves %q instead of %q", c.key, c.value, f.Text(&e), before)
		}
	}
	e.Sizes = []int{1, -1}
	if err := field(t, "sizes").Check(&e); err == nil {
		t.Error("sizes 1, -1 are in the range of 1 or more")
	}
}

// Defaults fill in what is zero, and stay away from what is set.
func TestSetDefaults(t *testing.T) {
	e := example{Name: "own", Sizes: []int{}}
	SetDefaults(&e)
	if e.Name != "own" || e.Rate != 0.5 || !slices.Equal(e.Sizes, []int{3, 4}) || e.Hidden != 7 || e.Count != 0 {
		t.Errorf("%+v", e)
	}
}

func TestPlace(t *testing.T) {
	var result struct {
		Name  string `json:"name"`
		Count int    `json:"count"`
		Sizes []int  `json:"sizes"`
		Side  string `json:"side,omitempty"`
		Seed  uint64 `json:"seed"`
	}
	Place(&result, "out.", &example{Name: "n", Count: 3, Sizes: []int{2}, Side: "right", Seed: 9})
	if result.Name != "n" || result.Count != 3 || !slices.Equal(result.Sizes, []int{2}) || result.Side != "right" ||
		result.Seed != 0 {
		t.Errorf("%+v", result)
	}
}
