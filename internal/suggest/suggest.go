// Package suggest finds the name that a misspelt one was meant to be.
package suggest

import (
	"fmt"
	"slices"
	"strings"
)

// OneOf returns nil if word is among the allowed ones, and else an error that
// names them, and the one that was probably meant.
func OneOf(word string, allowed []string) error {
	if slices.Contains(allowed, word) {
		return nil
	}
	return fmt.Errorf("%q, want one of %s%s", word, strings.Join(allowed, ", "), DidYouMean(word, allowed))
}

// Nearest returns the candidate with the least distance from word, the first of
// several, or "" if all are too far away for a slip: more than a third of word's
// length, at least 1.
func Nearest(word string, candidates []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, c := range candidates {
		if d := Distance(strings.ToLower(word), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// DidYouMean is "; did you mean NAME?" for the nearest candidate, or "" without one.
func DidYouMean(word string, candidates []string) string {
	if name := Nearest(word, candidates); name != "" {
		return "; did you mean " + name + "?"
	}
	return ""
}

// Distance is the number of bytes to insert, delete, replace or swap with their
// neighbour that turns a into b, no byte being edited twice (optimal string
// alignment; Damerau 1964).
func Distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
