package report

import (
	"fmt"
	"io"
	"strings"

	visible "memprobe/internal/show"
)

// latexEscapes are what TeX takes for itself, and the signs that tables hold.
var latexEscapes = strings.NewReplacer(`\`, `\textbackslash{}`, "{", `\{`, "}", `\}`, "$", `\$`, "&", `\&`, "#", `\#`,
	"%", `\%`, "_", `\_`,
	"^", `\textasciicircum{}`, "~", `\textasciitilde{}`, "<", `\textless{}`, ">", `\textgreater{}`, "|", `\textbar{}`,
	" ± ", ` $\pm$ `, "−", "$-$", "δ", `$\delta$`)

// latex writes the table for the package booktabs: texts flush left, numbers right.
func (t *Table) latex(w io.Writer) error {
	var align strings.Builder
	for i := range t.Columns {
		if t.numeric(i) {
			align.WriteByte('r')
		} else {
			align.WriteByte('l')
		}
	}
	var b strings.Builder
	line := func(cells []string) {
		for i, c := range visible.Names(cells) {
			cells[i] = latexEscapes.Replace(c)
			if strings.HasPrefix(c, "-") && t.numeric(i) {
				cells[i] = "$-$" + cells[i][1:]
			}
		}
		b.WriteString(strings.Join(cells, " & ") + ` \\` + "\n")
	}
	fmt.Fprintf(&b, "\\begin{tabular}{%s}\n\\toprule\n", align.String())
	line(append([]string{}, t.Columns...))
	b.WriteString("\\midrule\n")
	for _, r := range t.rows {
		line(texts(r, ""))
	}
	b.WriteString("\\bottomrule\n\\end{tabular}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// numeric tells that a column holds numbers alone.
func (t *Table) numeric(i int) bool {
	for _, r := range t.rows {
		if r[i].String() != "" && r[i].number() != r[i].number() {
			return false
		}
	}
	return true
}
