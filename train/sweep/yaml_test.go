package sweep

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// seeds returns the seeds of the cells of a plan.
func seeds(t *testing.T, text string) []uint64 {
	t.Helper()
	p, err := Parse("plan.yaml", "plan", []byte(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var out []uint64
	for _, c := range p.Cells {
		out = append(out, c.Config.Seed)
	}
	return out
}

// A number that begins with 0 is decimal, as its writer means it.
func TestNumbersAreDecimal(t *testing.T) {
	for text, want := range map[string]uint64{"010": 10, "+007": 7, "0_10": 10, "08": 8, "0": 0, "10": 10, "1_000": 1000,
		"0o10": 8, "0x10": 16, "0b10": 2, `"010"`: 10} {
		if got := seeds(t, "base: {seed: "+text+"}"); got[0] != want {
			t.Errorf("seed: %s gives %d, want %d", text, got[0], want)
		}
	}
	p, err := Parse("plan.yaml", "plan",
		[]byte("base: {lr: 010, projector: 0100}\ngrid: {seed: [010, 9]}\nvariants: [{name: 010}, {name: 1.10, "+
			"epochs: 9}]"))
	if err != nil {
		t.Fatal(err)
	}
	if c := p.Cells[0]; c.Config.LR != 10 || c.Config.Projector != "100" || c.Label() != "010 seed=10" ||
		p.Cells[2].Variant != "1.10" {
		t.Errorf("%s: lr %v, projector %v; then %s", c.Label(), c.Config.LR, c.Config.Projector, p.Cells[2].Variant)
	}
}

func TestByteOrderMarks(t *testing.T) {
	text := "base: {seed: 3} # grün\n"
	for _, big := range []bool{false, true} {
		var wide []byte
		for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
			if big {
				wide = append(wide, byte(u>>8), byte(u))
			} else {
				wide = append(wide, byte(u), byte(u>>8))
			}
		}
		if got := seeds(t, string(wide)); got[0] != 3 {
			t.Errorf("UTF-16, big-endian %v: seeds %v, want 3", big, got)
		}
	}
	if got := seeds(t, "\ufeff"+text); got[0] != 3 {
		t.Errorf("UTF-8: seeds %v, want 3", got)
	}
}

func TestAnchors(t *testing.T) {
	for text, want := range map[string]string{
		"base: {seed: &s 3, label-seed: *s}":                                                                   "[3]",
		"base: &b {arch: mlp, seed: 4}\nvariants:\n- {name: a}\n- {<<: *b, name: b, epochs: 3}":                "[4 4]",
		"variants:\n- &a {name: a, seed: 5}\n- {<<: *a, name: b, epochs: 3}":                                   "[5 5]",
		"variants:\n- &a {name: a, seed: 5}\n- {name: b, seed: 6, <<: *a}":                                     "[5 6]",
		"variants:\n- &a {name: a, seed: 5}\n- &b {name: b, seed: 6, lr: 1}\n- {<<: [*b, *a], name: c, lr: 2}": "[5 6 6]",
		"base: {seed: &s 3}\nvariants:\n- {name: &s 7, seed: *s}":                                              "[7]",
		"grid:\n  seed: &l [1, 2]\n  label-seed: *l":                                                           "[1 1 2 2]",
		"base: {<<: {seed: 8}}": "[8]",
		`base: {"seed": 9}`:     "[9]",
	} {
		if got := fmt.Sprint(seeds(t, text)); got != want {
			t.Errorf("%q: seeds %s, want %s", text, got, want)
		}
	}
	var bomb strings.Builder
	bomb.WriteString("variants:\n- &a0 {name: a0, seed: 1}\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&bomb, "- &a%d {name: a%d, <<: [*a%d, *a%d, *a%d]}\n", i, i, i-1, i-1, i-1)
	}
	for text, want := range map[string]string{
		"base: &b {<<: *b}":     "plan.yaml:1: alias *b, but no anchor &b comes before it",
		"base: {<<: 3}":         "what << merges is the value 3, want keys with values",
		"base: {seed: &s [1]}":  "is a list, want a single value",
		"base: {seed: *nobody}": "no anchor &nobody",
		bomb.String():           "aliases repeat more than",
	} {
		if _, err := Parse("plan.yaml", "plan", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: error %v, want %q", text, err, want)
		}
	}
}
