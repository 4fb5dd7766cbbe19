package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"memprobe/report"
)

// terminal returns the terminal that w is, if it is one.
func terminal(w io.Writer) (fd int, ok bool) {
	if c, checked := w.(*checkedWriter); checked {
		w = c.w
	}
	f, file := w.(*os.File)
	if !file || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

func isTerminal(w io.Writer) bool {
	_, ok := terminal(w)
	return ok
}

// inColour reports whether what is written to w may have colours: on a terminal that has
// them, unless NO_COLOR is set (no-color.org).
func inColour(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// narrowest is the least width that lines are fitted to.
const narrowest = 40

// lineWidth is how many characters a line of w has; 0 where it is no terminal, and lines
// may be as long as they are.
func lineWidth(w io.Writer) int {
	fd, ok := terminal(w)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(fd)
	if err != nil || columns <= 0 {
		return 0
	}
	return max(columns, narrowest)
}

// printFitting prints the columns of a table for which the terminal has room, and says
// which others there are in a file.
func printFitting(std streams, t *report.Table, file string) error {
	width := lineWidth(std.out)
	if width == 0 {
		return t.Write(std.out, "text")
	}
	fitting, left := t.Fit(width)
	if err := fitting.Write(std.out, "text"); err != nil || len(left) == 0 {
		return err
	}
	_, err := fmt.Fprintln(std.out, hanging(fmt.Sprintf("%d more columns in %s: %s", len(left), file,
		strings.Join(left, ", ")), width, 0))
	return err
}

// hanging breaks a text at spaces into lines of a width, 0 for one line, all but the
// first of them indented.
func hanging(text string, width, indent int) string {
	if width == 0 {
		return text
	}
	var out strings.Builder
	at := 0
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+n > width:
			out.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			out.WriteByte(' ')
			at++
		}
		out.WriteString(word)
		at += n
	}
	return out.String()
}
