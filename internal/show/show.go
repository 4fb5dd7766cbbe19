// Package show prepares text from files for people: names and messages that a
// terminal, a table or a document shows as they are.
package show

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// How many characters Name keeps, and Line of a text and of each word.
const (
	MaxName = 256
	MaxLine = 1 << 12
)

// Name returns a name from a file on one line and safe to print: escaped as by Line,
// and at most MaxName characters long, the last of them "…" where more are left out.
func Name(s string) string { return shorten(escape(s, MaxName), MaxName) }

// shorten returns the first n characters of s, the last of them "…" where more are left
// out.
func shorten(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return string(r[:n-1]) + "…"
}

// Names returns Name of each.
func Names(names []string) []string {
	out := make([]string, len(names))
	for i, s := range names {
		out[i] = Name(s)
	}
	return out
}

// MaxList is how many names List keeps.
const MaxList = 20

// List returns names in quotes, as by Name, and says how many more there are than it
// keeps.
func List(names []string) string {
	var b strings.Builder
	for i, s := range names[:min(len(names), MaxList)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(`"` + Name(s) + `"`)
	}
	if more := len(names) - MaxList; more > 0 {
		b.WriteString(" and " + strconv.Itoa(more) + " more")
	}
	return b.String()
}

// Line returns s with everything that does not print as itself, on this line and
// from left to right, as Go writes it in a string: control characters, line breaks,
// marks of the direction of writing, bytes that are no UTF-8. A word keeps MaxName
// characters, and the line MaxLine.
func Line(s string) string {
	s = shorten(escape(s, MaxLine), MaxLine)
	if len(s) <= MaxName {
		return s
	}
	words := strings.Split(s, " ")
	for i, w := range words {
		words[i] = shorten(w, MaxName)
	}
	return strings.Join(words, " ")
}

// escape writes what does not print of so much of s as n characters may need.
func escape(s string, n int) string {
	if len(s) > utf8.UTFMax*(n+1) { // a megabyte of name is not escaped to be thrown away
		s = s[:utf8.UTFMax*(n+1)]
	}
	plain := func(r rune, size int) bool { return strconv.IsPrint(r) && !(r == utf8.RuneError && size == 1) }
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if plain(r, size) {
			b.WriteString(s[i : i+size])
		} else {
			quoted := strconv.Quote(s[i : i+size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return b.String()
}

// Word returns s as a POSIX shell reads it as one word, quoted where need be.
func Word(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,=+@%"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Lines returns Line of each.
func Lines(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = Line(s)
	}
	return out
}
