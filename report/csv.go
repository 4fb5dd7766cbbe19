package report

import (
	"strconv"
	"strings"
)

// textCell returns a cell of a CSV file for text that came from outside: what
// spreadsheets would take for a formula begins with an apostrophe, by which they
// show it as it is. Numbers stay numbers.
func textCell(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return s
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s
	}
	return "'" + s
}
