package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
	"memprobe/report/page"
)

// thumbnail is how many pixels a side the pictures of a page have at most.
const thumbnail = 48

// maxSampleRows is how many images the table of single ones has besides those listed.
const maxSampleRows = 200

// gallery puts single training images on a page.
type gallery struct {
	p     *result.Probe
	page  *page.Page
	rows  map[int]int // of Samples.Rows, by place in the set
	drawn map[int]int // number of a row's picture
	none  bool        // there is something of which no picture can be drawn
}

// addSamples adds what p knows of single training images to its page: the map, contact
// sheets and a table.
func addSamples(d *page.Page, p *result.Probe) {
	g := &gallery{p: p, page: d, rows: map[int]int{}, drawn: map[int]int{}}
	d.Pictures = new(page.Pictures)
	if p.Samples != nil {
		for i := range p.Samples.Rows {
			g.rows[p.Samples.Rows[i].Index] = i
		}
		g.sheets()
	}
	if p.Map != nil && len(p.Map.Places) > 0 {
		d.Figures = append(d.Figures, g.mapFigure())
	}
	if p.Samples != nil && len(p.Samples.Rows) > 0 {
		d.Tables = append(d.Tables, g.table())
	}
}

// picture is the number of a row's picture, 0 where there is none.
func (g *gallery) picture(row int) int {
	if n, ok := g.drawn[row]; ok {
		return n
	}
	if g.p.Picture != nil {
		if m := g.p.Picture(row, thumbnail); m != nil {
			g.drawn[row] = g.page.Pictures.Add(m)
			return g.drawn[row]
		}
	}
	g.none = true
	return 0
}

// noPicture says why pictures are missing, where they are.
func (g *gallery) noPicture() string {
	if !g.none {
		return ""
	}
	return " No pictures: the inputs are no images of one or three channels with pixels in [0,1]."
}

func sampleLink(index int) string { return fmt.Sprintf("sample:%d", index) }

// trueClass and assignedClass name the labels of an image; those of other classes than
// the set's are numbers.
func (g *gallery) trueClass(label int) string { return visible.Name(g.p.Data.Classes[label]) }

func (g *gallery) assignedClass(label int) string {
	if g.p.Data.AssignedClasses > 0 || label >= len(g.p.Data.Classes) {
		return strconv.Itoa(label)
	}
	return visible.Name(g.p.Data.Classes[label])
}

// sheets are the lists of single images.
func (g *gallery) sheets() {
	s := g.p.Samples
	for _, sheet := range []struct {
		id, title, note string
		rows            []result.Sample
		text            func(s *result.Sample) string
	}{
		{"memorized", "Most memorized",
			"By the share of their neighbours at the embedding that were assigned the same label, below beside the " +
				"place.", s.Memorized, g.shareAtEmbedding},
		{"earliest", "Earliest to flip", "Images whose neighbours carry the assigned label from an early layer on.",
			s.Earliest, g.flip},
		{"latest", "Latest to flip", "Images whose neighbours carry the assigned label in the last layers only.",
			s.Latest, g.flip},
		{"never", "Neighbours never agree",
			"Images most of whose neighbours share neither their true nor their assigned label, at any layer.", s.Never,
			func(*result.Sample) string { return "" }},
	} {
		if len(sheet.rows) == 0 {
			continue
		}
		out := page.Sheet{ID: "sheet-" + sheet.id, Title: sheet.title}
		for i := range sheet.rows {
			row := &sheet.rows[i]
			c := page.Card{Link: sampleLink(row.Index), First: g.trueClass(row.True), Text: fmt.Sprintf("%d", row.Index)}
			if at, ok := g.rows[row.Index]; ok {
				c.Picture = g.picture(at)
			}
			if assigned := g.assignedClass(row.Assigned); assigned != c.First {
				c.Then = assigned
			}
			if more := sheet.text(row); more != "" {
				c.Text += ", " + more
			}
			out.Cards = append(out.Cards, c)
		}
		out.Note = fmt.Sprintf("%s True label, then the assigned one; below, the image's place in the set. k = %d, "+
			"leave-one-out among %d training images.%s", sheet.note, s.K, s.Images, g.noPicture())
		g.page.Sheets = append(g.page.Sheets, out)
	}
}

// embeddingAt is the place of the embedding among the layers of single images.
func (g *gallery) embeddingAt() int {
	return max(0, slices.Index(g.p.Samples.Layers, g.p.AtEmbedding().Name))
}

func (g *gallery) shareAtEmbedding(s *result.Sample) string {
	return fmt.Sprintf("%.0f %%", 100*float64(s.AssignedShare[g.embeddingAt()]))
}

func (g *gallery) flip(s *result.Sample) string {
	if s.FlipDepth == nil {
		return "never"
	}
	return fmt.Sprintf("layer %d", *s.FlipDepth+1)
}

// table has the images that sheets show and the most memorized of the others.
func (g *gallery) table() page.Table {
	s := g.p.Samples
	at := g.embeddingAt()
	shown := map[int]bool{}
	for _, list := range [][]result.Sample{s.Memorized, s.Earliest, s.Latest, s.Never} {
		for i := range list {
			if row, ok := g.rows[list[i].Index]; ok {
				shown[row] = true
			}
		}
	}
	order := make([]int, len(s.Rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := s.Rows[a].AssignedShare[at], s.Rows[b].AssignedShare[at]; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	out := page.Table{ID: "samples", Title: "Single training images",
		Columns: []string{"image", "true", "assigned", "answer", "assigned share", "true share", "flips at",
			"flip layer", "prediction depth"}}
	if s.Epochs > 0 {
		out.Columns = append(out.Columns, "learned in epoch", "forgotten", "cumulative loss", "final loss")
	}
	others := 0
	for _, row := range order {
		if !shown[row] {
			if others == maxSampleRows {
				continue
			}
			others++
		}
		out.Rows = append(out.Rows, g.tableRow(&s.Rows[row], g.picture(row), at))
	}
	out.Note = fmt.Sprintf("%d of %d training images: those above and the most memorized; samples.csv and "+
		"samples.parquet have all of them, with the shares at every layer. "+
		"The shares are of the %d nearest training images at the embedding, those with the image's assigned and its "+
		"true label; it flips at the first layer, from 1, from which on most carry the assigned one.%s",
		len(out.Rows), len(s.Rows), s.K, g.noPicture())
	return out
}

func (g *gallery) tableRow(s *result.Sample, picture, at int) page.Row {
	count := func(v *int, first int) page.Cell {
		if v == nil {
			return page.Cell{}
		}
		text := strconv.Itoa(*v + first)
		return page.Cell{Text: text, Key: text}
	}
	words := func(text string) page.Cell { return page.Cell{Text: text, Key: text} }
	number := func(v float64) page.Cell { c := value{mean: v}; return page.Cell{Text: c.String(), Key: c.Key()} }
	who := page.Cell{Text: strconv.Itoa(s.Index), Key: strconv.Itoa(s.Index), Picture: picture}
	if s.File != "" {
		who.Text += " " + visible.Name(s.File)
	}
	answer, layer := page.Cell{}, page.Cell{}
	if s.Prediction != nil {
		answer = words(g.assignedClass(*s.Prediction))
	}
	if s.FlipDepth != nil {
		layer = words(visible.Name(g.p.Samples.Layers[*s.FlipDepth]))
	}
	cells := []page.Cell{who, words(g.trueClass(s.True)), words(g.assignedClass(s.Assigned)), answer,
		number(float64(s.AssignedShare[at])), number(float64(s.TrueShare[at])), count(s.FlipDepth, 1), layer,
		count(s.PredictionDepth, 1)}
	if t := s.Trace; t != nil {
		cells = append(cells, count(t.Learned, 0), count(&t.Forgotten, 0), number(float64(t.Cumulative)),
			number(float64(t.Final)))
	}
	return page.Row{Link: sampleLink(s.Index), Cells: cells}
}

// maxMapLayers is how many layers the slider has.
const maxMapLayers = 200

// mapFigure is the map of the features.
func (g *gallery) mapFigure() page.Figure {
	m := g.p.Map
	out := page.Map{}
	for i, index := range m.Index {
		out.Links, out.Names = append(out.Links, sampleLink(index)), append(out.Names, fmt.Sprintf("image %d", index))
		out.Pictures = append(out.Pictures, g.picture(m.Rows[i]))
	}
	out.Colours = g.colourings()
	step := (len(m.Layers) + maxMapLayers - 1) / maxMapLayers
	for l := (len(m.Layers) - 1) % step; l < len(m.Layers); l += step {
		out.Layers = append(out.Layers, mapLayer(m.Layers[l], m.Places[l]))
	}
	out.Start = len(out.Layers) - 1
	if e := slices.IndexFunc(out.Layers,
		func(l page.MapLayer) bool { return l.Name == visible.Name(g.p.AtEmbedding().Name) }); e >= 0 {
		out.Start = e
	}
	f := page.Figure{ID: "figure-map", Title: "Where the images lie, layer by layer",
		Source: "Pearson 1901; Hotelling 1933", Views: []page.Chart{{Kind: page.Cloud, Paper: "map", Map: &out}}}
	f.Caption = fmt.Sprintf("%d training images, balanced over the true classes, by the first two principal "+
		"components of their %s. Both axes have one scale, each layer its own; "+
		"an axis is turned so that the images lie as in the layer before, not mirrored. What lies together here may "+
		"lie apart in the dimensions that are not shown.%s", m.Images, m.Features, g.noPicture())
	if step > 1 {
		f.Caption += fmt.Sprintf(" The slider has %d of %d layers; map.csv has all.", len(out.Layers), len(m.Layers))
	}
	return f
}

// mapLayer brings places into thousandths.
func mapLayer(l result.MapLayer, at [][2]float32) page.MapLayer {
	out := page.MapLayer{Name: visible.Name(l.Name), Explained: l.Explained}
	var low, high [2]float64
	for c := range 2 {
		low[c], high[c] = math.Inf(1), math.Inf(-1)
		for _, v := range at {
			low[c], high[c] = min(low[c], float64(v[c])), max(high[c], float64(v[c]))
		}
	}
	side := max(high[0]-low[0], high[1]-low[1])
	if side == 0 {
		side = 1
	}
	for _, v := range at {
		out.X = append(out.X, int(math.Round(1000*(float64(v[0])-low[0])/side)))
		out.Y = append(out.Y, int(math.Round(1000*(float64(v[1])-low[1])/side)))
	}
	return out
}

// colourings are what the colours of the map may say.
func (g *gallery) colourings() []page.Colouring {
	m, classes := g.p.Map, []string(nil)
	for label := range g.p.Data.Classes {
		classes = append(classes, g.trueClass(label))
	}
	out := []page.Colouring{{Name: "true label", Of: m.True, Names: classes}}
	if m.Assigned == nil {
		return out
	}
	assigned := page.Colouring{Name: "assigned label", Of: m.Assigned}
	for label := range max(len(classes), g.p.Data.AssignedClasses, slices.Max(m.Assigned)+1) {
		assigned.Names = append(assigned.Names, g.assignedClass(label))
	}
	out = append(out, assigned)
	if s := g.p.Samples; s != nil && len(s.Rows) > 0 {
		flips := page.Colouring{Name: "flips at", Ordered: true}
		for i, name := range s.Layers {
			flips.Names = append(flips.Names, fmt.Sprintf("%d. %s", i+1, shorten(visible.Name(name), 40)))
		}
		flips.Names = append(flips.Names, "never")
		for _, row := range m.Rows {
			d := len(s.Layers)
			if f := s.Rows[row].FlipDepth; f != nil {
				d = *f
			}
			flips.Of = append(flips.Of, d)
		}
		out = append(out, flips)
	}
	return out
}
