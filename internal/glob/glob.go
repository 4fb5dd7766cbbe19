// Package glob matches the names of tensors.
package glob

import "strings"

// Match reports whether name matches pattern as a whole, by the shell's rule: *
// stands for any characters but a slash, ** for any, ? for one that is no slash,
// [a-c5] for one of these and [!a-c5] for one of the others, slashes never among
// them. A pattern always matches the name that it is. It takes time proportional to
// the product of the lengths, whatever the pattern.
func Match(pattern, name string) bool {
	if pattern == name {
		return true
	}
	elements := parse([]rune(pattern))
	// at[i] tells that the first i elements match what has been read of name.
	at, next := make([]bool, len(elements)+1), make([]bool, len(elements)+1)
	at[0] = true
	skipStars(elements, at)
	for _, c := range name {
		clear(next)
		for i, e := range elements {
			switch {
			case !at[i] || !e.matches(c):
			case e.star:
				next[i] = true
			default:
				next[i+1] = true
			}
		}
		at, next = next, at
		skipStars(elements, at)
	}
	return at[len(elements)]
}

// skipStars lets stars stand for nothing.
func skipStars(elements []element, at []bool) {
	for i, e := range elements {
		at[i+1] = at[i+1] || at[i] && e.star
	}
}

// element is a part of a pattern that matches a character, or a run of them.
type element struct {
	star  bool // any number of characters
	slash bool // a slash is matched too
	any   bool // every character but, without slash, a slash
	not   bool // those outside of the ranges
	in    [][2]rune
}

func (e element) matches(c rune) bool {
	if c == '/' && !e.slash {
		return false
	}
	in := e.any
	for _, r := range e.in {
		in = in || r[0] <= c && c <= r[1]
	}
	return in != e.not
}

func parse(pattern []rune) []element {
	var out []element
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case c == '*' && i+1 < len(pattern) && pattern[i+1] == '*':
			i++
			out = append(out, element{star: true, any: true, slash: true})
		case c == '*':
			out = append(out, element{star: true, any: true})
		case c == '?':
			out = append(out, element{any: true})
		default:
			if set, length := parseSet(string(pattern[i:])); c == '[' && length > 0 {
				out = append(out, set)
				i += length - 1
				continue
			}
			out = append(out, element{slash: true, in: [][2]rune{{c, c}}})
		}
	}
	return out
}

// parseSet reads the set that a pattern begins with and its length in characters; 0
// where a bracket stands for itself.
func parseSet(pattern string) (element, int) {
	inside, _, closed := strings.Cut(strings.TrimPrefix(pattern, "["), "]")
	if !closed || strings.Trim(inside, "!") == "" {
		return element{}, 0
	}
	set := []rune(inside)
	length := len(set) + 2
	var e element
	if set[0] == '!' {
		e.not, set = true, set[1:]
	}
	for i := 0; i < len(set); i++ {
		r := [2]rune{set[i], set[i]}
		if i+2 < len(set) && set[i+1] == '-' {
			r[1] = set[i+2]
			i += 2
		}
		e.in = append(e.in, r)
	}
	return e, length
}
