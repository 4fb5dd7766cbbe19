package main

import "testing"

func TestHanging(t *testing.T) {
	for _, c := range []struct {
		text          string
		width, indent int
		want          string
	}{
		{"one two three", 0, 2, "one two three"},
		{"one two three", 8, 2, "one two\n  three"},
		{"name         a value of words", 20, 13, "name         a value\n             of\n             words"},
		{"", 10, 2, ""},
		{"äöü äöü äöü", 7, 0, "äöü äöü\näöü"},
	} {
		if got := hanging(c.text, c.width, c.indent); got != c.want {
			t.Errorf("%q in %d: %q, want %q", c.text, c.width, got, c.want)
		}
	}
}
