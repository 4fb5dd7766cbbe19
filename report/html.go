package report

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"io"
)

var pages = template.Must(template.New("").Parse(`
{{- define "head"}}<!doctype html>
<html lang="en"><meta charset="utf-8"><title>memprobe: {{.Title}}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
img{max-width:100%}table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}dl{display:grid;grid-template-columns:8rem 1fr}dt{color:#666}dd{margin:0;overflow-wrap:anywhere}
</style>
{{end}}
{{- define "facts"}}<dl>{{range .Facts}}<dt>{{index . 0}}</dt><dd>{{index . 1}}</dd>{{end}}</dl>
{{end}}
{{- define "figures"}}{{range .Figures}}<p><img alt="{{.Name}}" width="{{.Width}}" src="{{.Data}}"></p>
{{end}}{{end}}
{{- define "comparison"}}{{template "head" .}}<style>
body{max-width:80rem}.wide{overflow-x:auto}.wide td,.wide th{padding:.2rem .5rem;white-space:nowrap;font-variant-numeric:tabular-nums}
th button{all:unset;cursor:pointer}th button:focus-visible{outline:2px solid}
[aria-sort=ascending] button::after{content:" ▲"}[aria-sort=descending] button::after{content:" ▼"}
</style>
<h1>Memorization and generalization, side by side</h1>
<div class="wide"><table><thead><tr>{{range .Columns}}<th><button>{{.}}</button></th>{{end}}</tr></thead><tbody>
{{range .Rows}}<tr>{{range .}}<td data-key="{{.Key}}">{{.}}</td>{{end}}</tr>
{{end}}</tbody></table></div>
{{template "facts" .}}{{template "figures" .}}<script>
// A click on a column orders the rows by it, another one the other way round; empty cells stay last.
for (const button of document.querySelectorAll("th button")) button.onclick = () => {
  const column = button.parentNode, body = column.closest("table").tBodies[0];
  const down = column.ariaSort === "ascending", key = row => row.cells[column.cellIndex].dataset.key;
  const rows = [...body.rows].sort((a, b) => {
    const x = key(a), y = key(b);
    if (!x || !y) return !x - !y;
    const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
    return down ? -order : order;
  });
  for (const other of column.parentNode.cells) other.ariaSort = null;
  column.ariaSort = down ? "descending" : "ascending";
  body.append(...rows);
};
</script></html>
{{end}}`))

// picture is a figure as an image that stands in the page itself.
type picture struct {
	Name  string
	Width int // pixels; letters are of one size in all figures
	Data  template.URL
}

func pictures(figures []figure) ([]picture, error) {
	var out []picture
	for _, f := range figures {
		var b bytes.Buffer
		if err := f.png(&b); err != nil {
			return nil, err
		}
		const scale = 5.0 / 3 // pixels a point
		wide, _ := f.size()
		out = append(out, picture{f.name, int(scale * wide), template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))})
	}
	return out, nil
}

// html writes the comparison as one page that needs no other file, with t as a table
// that can be ordered by any column.
func (c *Comparison) html(w io.Writer, t *Table, figures []figure) error {
	pics, err := pictures(figures)
	if err != nil {
		return err
	}
	return pages.ExecuteTemplate(w, "comparison", map[string]any{"Title": "comparison", "Facts": c.facts(), "Figures": pics, "Columns": t.Columns, "Rows": t.rows})
}
