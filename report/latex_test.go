package report

import (
	"strings"
	"testing"
)

func TestLatex(t *testing.T) {
	table := &Table{Columns: []string{"run", "a_b", "margin 95 %"}, rows: [][]value{
		{textual(`50 % & {\x}~^$#`), {mean: -0.25}, {mean: 0.5, sd: 0.125, n: 2}}, {textual("-z"), textual(""), textual("")}}}
	var b strings.Builder
	if err := table.Write(&b, "latex"); err != nil {
		t.Fatal(err)
	}
	want := `\begin{tabular}{lrr}
\toprule
run & a\_b & margin 95 \% \\
\midrule
50 \% \& \{\textbackslash{}x\}\textasciitilde{}\textasciicircum{}\$\# & $-$0.250 & 0.500 $\pm$ 0.125 \\
-z &  &  \\
\bottomrule
\end{tabular}
`
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
}
