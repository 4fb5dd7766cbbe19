package report

import (
	"strconv"
	"strings"

	visible "memprobe/internal/show"
)

// textCell returns a cell of a CSV file for text that came from outside: in one line,
// and what spreadsheets would take for a formula behind an apostrophe, by which they
// show it as it is. Numbers stay numbers.
func textCell(s string) string {
	s = visible.Name(s)
	if s == "" || !strings.ContainsRune("=+-@", rune(s[0])) {
		return s
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s
	}
	return "'" + s
}
