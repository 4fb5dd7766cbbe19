package report

import (
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"memprobe/probe/result"
	"memprobe/report/page"
)

// figuresOf are the figures of p: those of its page, and the answers of the neighbours.
func figuresOf(p *result.Probe, of *page.Page) ([]figure, error) {
	out, err := paperFigures(of.Figures)
	if err != nil || p.Confusion == nil {
		return out, err
	}
	c, err := ConfusionMatrix(p)
	return append(out, figure{name: "confusion", panels: []*plot.Plot{c}, width: 5.2 * vg.Inch, height: 4.8 * vg.Inch,
		caption: confusionCaption(p.Confusion) + " Numbers are percent of the row."}), err
}

// paperFigures draws for paper the views of a page's figures that have a place there:
// views of one name are the panels of one figure.
func paperFigures(all []page.Figure) ([]figure, error) {
	var out []figure
	for _, f := range all {
		var names []string
		views := map[string][]page.Chart{}
		for _, v := range f.Views {
			if v.Paper == "" {
				continue
			}
			if len(views[v.Paper]) == 0 {
				names = append(names, v.Paper)
			}
			views[v.Paper] = append(views[v.Paper], v)
		}
		for _, name := range names {
			drawn, err := drawFigure(name, f.Title, views[name])
			if err != nil {
				return nil, err
			}
			drawn.caption = f.Caption
			if f.Source != "" {
				drawn.caption += " Source: " + f.Source + "."
			}
			out = append(out, drawn)
		}
	}
	return out, nil
}

// drawFigure draws charts of one kind as the panels of a figure.
func drawFigure(name, title string, charts []page.Chart) (figure, error) {
	switch charts[0].Kind {
	case page.Cloud:
		return mapFigure(name, &charts[0])
	case page.Matrix:
		return matrixFigure(name, charts)
	case page.Panels:
		return smallMultiples(name, charts)
	}
	f := figure{name: name, height: 4 * vg.Inch}
	lines := 0
	for i := range charts {
		c := &charts[i]
		p, err := f.panel(c)
		if err != nil {
			return f, err
		}
		wide := panelWidth(c, len(charts))
		heading := c.Name
		if len(charts) == 1 {
			heading = title + "\n" + c.Name
		}
		p.Title.Text = strings.TrimSpace(strings.Join(wrapped(heading, wide-vg.Points(8), p.Title.TextStyle.Width), "\n"))
		f.width = max(f.width, wide)
		lines = max(lines, strings.Count(p.Title.Text, "\n"))
	}
	for _, p := range f.panels { // all plots begin at one height
		p.Title.Padding += vg.Length(lines-strings.Count(p.Title.Text, "\n")) * p.Title.TextStyle.FontExtents().Height
	}
	f.across = min(2, len(charts))
	f.width *= vg.Length(f.across)
	f.height *= vg.Length((len(charts) + f.across - 1) / f.across)
	return f, nil
}

// wrapped breaks each line of a text at spaces into ones of at most a width.
func wrapped(text string, width vg.Length, measure func(string) vg.Length) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		out = append(out, wrap(line, width, measure)...)
	}
	return out
}

// panelWidth is the width at which a chart of lines or points is legible.
func panelWidth(c *page.Chart, of int) vg.Length {
	switch layers := float64(len(c.X.Names)); {
	case layers == 0:
		return 4.4 * vg.Inch
	case of == 1:
		return vg.Length(max(5, min(12, 2+0.35*layers))) * vg.Inch
	default:
		return vg.Length(max(3.6, min(6, 1+0.3*layers))) * vg.Inch
	}
}

// smallMultiples draws a small chart for each panel of a view, or the maps that it has.
func smallMultiples(name string, views []page.Chart) (figure, error) {
	var charts []page.Chart
	for _, v := range views {
		for _, c := range v.Panels {
			c.Name = v.Name
			charts = append(charts, c)
		}
	}
	if charts[0].Kind == page.Matrix {
		return matrixFigure(name, charts)
	}
	f := figure{name: name, across: min(3, len(charts))}
	low, high := rangeOf(charts, yOf)
	for i := range charts {
		p, err := f.panel(&charts[i])
		if err != nil {
			return f, err
		}
		setAxis(&p.Y, charts[i].Y, low, high)
		p.Title.Text = shortenEnd(charts[i].Title, 40)
		p.Title.TextStyle.Font = face(9)
	}
	f.width = vg.Length(f.across) * 2.9 * vg.Inch
	f.height = vg.Length((len(charts)+f.across-1)/f.across) * 2.5 * vg.Inch
	return f, nil
}

// panel draws a chart as the next panel of f, and names in the legend what is not named
// there yet.
func (f *figure) panel(c *page.Chart) (*plot.Plot, error) {
	p := chartPlot(c)
	if f.legend == nil {
		f.legend = besideLegend(p)
	}
	f.panels = append(f.panels, p)
	if c.Kind == page.Scatter {
		return p, addPoints(p, f.legend, c)
	}
	return p, addLines(p, f.legend, c)
}
