package report

import (
	"slices"
	"unicode/utf8"

	visible "memprobe/internal/show"
)

// weighty are the columns that say most, which are kept where not all have room.
var weighty = []string{"verdict", "margin 95 %", "probe", "fit", "true", "assigned", "untrained"}

// columnGap is the room between columns of text.
const columnGap = 2

// Fit returns the table as it has room in lines of so many characters, and the columns
// that are left out. The first column stays, shortened if need be; then come those that
// say most, then the others in their order.
func (t *Table) Fit(width int) (*Table, []string) {
	wide := make([]int, len(t.Columns))
	for i, name := range t.Columns {
		wide[i] = utf8.RuneCountInString(visible.Line(name))
		for _, r := range t.rows {
			wide[i] = max(wide[i], utf8.RuneCountInString(visible.Line(r[i].String())))
		}
	}
	all := -columnGap
	for _, w := range wide {
		all += w + columnGap
	}
	if all <= width {
		return t, nil
	}
	name := min(wide[0], max(20, width/3))
	order := slices.DeleteFunc(slices.Clone(weighty), func(c string) bool { return !slices.Contains(t.Columns, c) })
	order = append(order, without(t.Columns[1:], order)...)
	kept, room := []int{0}, width-name
	for _, c := range order {
		i := slices.Index(t.Columns, c)
		if room -= wide[i] + columnGap; room < 0 {
			break
		}
		kept = append(kept, i)
	}
	slices.Sort(kept)
	out := &Table{}
	for _, i := range kept {
		out.Columns = append(out.Columns, t.Columns[i])
	}
	for _, r := range t.rows {
		row := make([]value, len(kept))
		for j, i := range kept {
			row[j] = r[i]
		}
		row[0].text = middle(visible.Line(row[0].text), name)
		out.rows = append(out.rows, row)
	}
	return out, without(t.Columns, out.Columns)
}

// middle leaves out the middle of a text that is longer than n characters.
func middle(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	head := (n - 1) / 2
	return string(r[:head]) + "…" + string(r[len(r)-(n-1-head):])
}
