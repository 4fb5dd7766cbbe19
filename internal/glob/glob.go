// Package glob matches the names of tensors.
package glob

import "strings"

// Match reports whether name matches pattern as a whole: * stands for any
// characters and ? for one. Unlike in paths, * goes past slashes, which tensor
// names are full of.
func Match(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if len(name) < len(head) || !equalButQuery(head, name[:len(head)]) {
		return false
	}
	if !star {
		return len(name) == len(head)
	}
	for i := len(head); i <= len(name); i++ {
		if Match(rest, name[i:]) {
			return true
		}
	}
	return false
}

func equalButQuery(pattern, s string) bool {
	for i := range len(s) {
		if pattern[i] != '?' && pattern[i] != s[i] {
			return false
		}
	}
	return true
}
