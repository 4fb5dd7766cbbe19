package show

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"/layer1/conv \\ \"a\" é 層": "/layer1/conv \\ \"a\" é 層",
		"a\x1b[31mred":              `a\x1b[31mred`,
		"two\nlines\r\t":            `two\nlines\r\t`,
		"c1 \u009b2J":               `c1 \u009b2J`,
		"abc\u202etxt.exe\u2066":    `abc\u202etxt.exe\u2066`,
		"zero\u200bwidth\ufeff":     `zero\u200bwidth\ufeff`,
		"line\u2028end":             `line\u2028end`,
		"bad\xff\xc3":               `bad\xff\xc3`,
		"\ufffd stays":              "\ufffd stays",
		"\x00":                      `\x00`,
		"e\u0301":                   "e\u0301", // a combining accent prints
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNameIsShort(t *testing.T) {
	exact := strings.Repeat("é", MaxName)
	if got := Name(exact); got != exact {
		t.Errorf("a name of %d characters became %q", MaxName, got)
	}
	for _, long := range []string{exact + "x", strings.Repeat("\x1b", MaxName), strings.Repeat("語", 1<<20)} {
		got := Name(long)
		if n := utf8.RuneCountInString(got); n != MaxName || !strings.HasSuffix(got, "…") || !utf8.ValidString(got) {
			t.Errorf("%d characters, want %d with … at the end: %.40q", n, MaxName, got)
		}
	}
	word := strings.Repeat("x", MaxName)
	if got := Line("a " + word + " " + word + "y z"); got != "a "+word+" "+word[1:]+"… z" {
		t.Errorf("words of a line became %q", got)
	}
	if n := utf8.RuneCountInString(Line(strings.Repeat("é ", MaxLine))); n != MaxLine {
		t.Errorf("a line has %d characters, want %d", n, MaxLine)
	}
	if got := strings.Join(Names([]string{"a\n", "b"}), ","); got != `a\n,b` {
		t.Errorf("Names gives %q", got)
	}
}

func TestList(t *testing.T) {
	if got := List([]string{"a", "b\n"}); got != `"a", "b\n"` {
		t.Errorf("two names are %s", got)
	}
	if got := List(make([]string, MaxList+3)); !strings.HasSuffix(got, `"" and 3 more`) ||
		strings.Count(got, `""`) != MaxList {
		t.Errorf("%d names are %s", MaxList+3, got)
	}
}

func TestWord(t *testing.T) {
	for in, want := range map[string]string{"": "''", "a/b-1.onnx": "a/b-1.onnx", "cifar10:/d": "cifar10:/d",
		"a b": "'a b'", "it's": `'it'\''s'`, "$x;y": "'$x;y'"} {
		if got := Word(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
