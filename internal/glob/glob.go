// Package glob matches the names of tensors.
package glob

import "strings"

// Match reports whether name matches pattern as a whole: * stands for any
// characters, ? for one, [a-c5] for one of these and [!a-c5] for one of the others.
// Unlike in paths, * goes past slashes, which tensor names are full of. A pattern
// always matches the name that it is.
func Match(pattern, name string) bool { return pattern == name || match(pattern, name) }

func match(pattern, name string) bool {
	for pattern != "" {
		if pattern[0] == '*' {
			for i := range len(name) + 1 {
				if match(pattern[1:], name[i:]) {
					return true
				}
			}
			return false
		}
		if name == "" {
			return false
		}
		ok, rest := one(pattern, name[0])
		if !ok {
			return false
		}
		pattern, name = rest, name[1:]
	}
	return name == ""
}

// one reports whether the first element of a pattern matches a character, and
// returns the rest of the pattern.
func one(pattern string, c byte) (ok bool, rest string) {
	end := strings.IndexByte(pattern, ']')
	switch {
	case pattern[0] == '?':
		return true, pattern[1:]
	case pattern[0] != '[' || end < 2:
		return pattern[0] == c, pattern[1:]
	}
	set, rest := pattern[1:end], pattern[end+1:]
	set, not := strings.CutPrefix(set, "!")
	in := false
	for i := 0; i < len(set); i++ {
		first, last := set[i], set[i]
		if i+2 < len(set) && set[i+1] == '-' {
			last = set[i+2]
			i += 2
		}
		in = in || first <= c && c <= last
	}
	return in != not, rest
}
