package report

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"io"

	"memprobe/probe/result"
)

var page = template.Must(template.New("report").Funcs(template.FuncMap{"show": show}).Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>memprobe: {{.Title}}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
img{max-width:100%}table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}dl{display:grid;grid-template-columns:8rem 1fr}dt{color:#666}dd{margin:0;overflow-wrap:anywhere}
</style>
<h1>Where the network memorizes</h1>
<dl>{{range .Facts}}<dt>{{index . 0}}</dt><dd>{{index . 1}}</dd>{{end}}</dl>
{{range .Figures}}<p><img alt="{{.Name}}" src="{{.Data}}"></p>{{end}}
<table><tr><th>layer</th><th>operator</th><th>dimension</th><th>true labels</th><th>assigned</th><th>untrained</th></tr>
{{range .Rows}}<tr><td>{{.Name}}</td><td>{{.Op}}</td><td>{{.Dim}}</td><td>{{show .True}}</td><td>{{show .Assigned}}</td><td>{{show .Untrained}}</td></tr>
{{end}}</table></html>
`))

// Row is one line of a layer table, at the headline k; NaN where not measured.
type Row struct {
	Name, Op, Role            string
	Dim                       int
	True, Assigned, Untrained float64
}

// Rows is the layer table of a probe.
func Rows(p *result.Probe) []Row {
	k := p.Settings.Headline
	var rows []Row
	for i := range p.Layers {
		l := &p.Layers[i]
		r := Row{l.Name, l.Op, l.Role, l.Dim, l.KNN.True.At(k), assigned(k)(l), result.Accuracy(nil).At(k)}
		if l.Untrained != nil {
			r.Untrained = l.Untrained.True.At(k)
		}
		rows = append(rows, r)
	}
	return rows
}

func writeHTML(w io.Writer, p *result.Probe, figures []figure) error {
	type picture struct {
		Name string
		Data template.URL
	}
	var pics []picture
	for _, f := range figures {
		var b bytes.Buffer
		if err := f.png(&b); err != nil {
			return err
		}
		pics = append(pics, picture{f.name, template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))})
	}
	return page.Execute(w, map[string]any{"Title": p.Model.Path, "Facts": Facts(p), "Figures": pics, "Rows": Rows(p)})
}
