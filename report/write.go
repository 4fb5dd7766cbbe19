package report

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
)

// Write writes the report of one probe into dir, made if need be: probe.json,
// layers.csv, samples.csv and samples.parquet where single images were measured, map.csv
// where there is a map, against.csv and against-layers.csv where another network was
// compared with, and, as formats asks (png, pdf, html, svg), a PNG a figure, report.pdf, report.html, and
// every figure for papers in the folder figures. It returns the paths of the files.
// Every file appears whole or not at all.
func Write(dir string, p *result.Probe, formats []string) ([]string, error) {
	of := pageOf(p)
	figures, err := figuresOf(p, of)
	if err != nil {
		return nil, err
	}
	var drawn []file
	if slices.Contains(formats, "png") {
		drawn = append(drawn, pngs(figures)...)
	}
	if slices.Contains(formats, "pdf") {
		drawn = append(drawn, file{"report.pdf", func(w io.Writer) error { return writePDF(w, of, figures) }})
	}
	if slices.Contains(formats, "svg") {
		drawn = append(drawn, papers(figures)...)
	}
	if slices.Contains(formats, "html") {
		drawn = append(drawn, file{"report.html", of.Write})
	}
	out := &folder{dir: dir}
	out.writeAll(drawn)
	out.write("layers.csv", func(w io.Writer) error { return WriteCSV(w, p) })
	if p.Samples != nil {
		out.write("samples.csv", func(w io.Writer) error { return writeSamplesCSV(w, p) })
		out.write("samples.parquet", func(w io.Writer) error { return writeSamplesParquet(w, p) })
	}
	if p.Map != nil {
		out.write("map.csv", func(w io.Writer) error { return writeMapCSV(w, p.Map) })
	}
	if p.Against != nil {
		out.write("against.csv", func(w io.Writer) error { return writeAgainstCSV(w, p) })
		out.write("against-layers.csv", func(w io.Writer) error { return writePairsCSV(w, p) })
	}
	out.write("probe.json", p.Encode)
	return out.files, out.err
}

// WriteCSV writes a row a layer and k, with all that was measured of the layer; what
// does not depend on k stands in all of its rows.
func WriteCSV(w io.Writer, p *result.Probe) error {
	c := csv.NewWriter(w)
	header := []string{"index", "layer", "op", "role", "dim", "k", "metric", "vote", "pool", "true",
		"assigned_leave_one_out", "untrained_true"}
	keys := []string{"knn.true", "leave_one_out.assigned", "untrained.true"}
	for _, part := range measuredParts(p) {
		if !slices.Contains(keys, part.Key) {
			header, keys = append(header, part.Key), append(keys, part.Key)
		}
	}
	err := c.Write(header)
	num := func(v float64) string {
		if math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	for i := range p.Layers {
		l := &p.Layers[i]
		for _, k := range p.Settings.K {
			row := []string{strconv.Itoa(l.Index), textCell(l.Name), textCell(l.Op), l.Role, strconv.Itoa(l.Dim),
				strconv.Itoa(k), p.Settings.Metric, p.Settings.Vote, cmp.Or(l.Pool, p.Settings.Pool)}
			for _, key := range keys {
				row = append(row, num(l.At(key, k)))
			}
			if err == nil {
				err = c.Write(row)
			}
		}
	}
	c.Flush()
	if err != nil {
		return err
	}
	return c.Error()
}

// Facts are the lines that stand beside the figures: every number's settings.
func Facts(p *result.Probe) [][2]string {
	s := p.Settings
	facts := [][2]string{
		{"model", fmt.Sprintf("%s, opset %d, %d parameters", filepath.Base(p.Model.Path), p.Model.Opset, p.Model.Parameters)},
		{"SHA-256", p.Model.SHA256},
		{"logits", p.Model.Scores},
		{"inputs", inputs(p)},
		{"data", fmt.Sprintf("%[1]s: %[2]d training %[4]s, %[3]d test %[4]s as queries",
			p.Data.Spec, p.Data.Train, p.Data.Test, samples(p))},
		{"bank", banks(p)},
		{"fingerprint", p.Data.Fingerprint},
		{"probe", fmt.Sprintf("exact k-NN, k = %v (figures: %d), %s, %s vote, pool %s, pixels: %s",
			s.K, s.Headline, s.Metric, s.Vote, s.Pool, s.Normalize)},
		{"tokens", s.Tokens},
		{"token counts", s.Raw},
		{"baselines", baselines(p)},
		{"fit", fmt.Sprintf("assigned labels %s, true labels %s, test %s",
			show(p.Fit.AssignedClean.Value()), show(p.Fit.TrueClean.Value()), show(p.Fit.Test.Value()))},
	}
	if s.Features != "" {
		facts = append(facts[:len(facts)-1], [2]string{"features", "rounded to " + s.Features}, facts[len(facts)-1])
	}
	if p.Fit.Augmented != nil {
		facts[len(facts)-1][1] += ", assigned labels on augmented batches " + show(p.Fit.Augmented.Value())
	}
	if text := inputRow(p); text != "" {
		facts = append(facts, [2]string{"input", text})
	}
	if s.Redrawn != nil {
		facts = append(facts, [2]string{"untrained", redrawn(s.Redrawn.Value())})
	}
	if p.Data.Labels != "" {
		facts = append(facts, [2]string{"labels", fmt.Sprintf("%s, from %s", p.Data.Labels, p.Data.LabelSource)})
	}
	for _, m := range p.Described() {
		if m.Name != result.NeighboursMetric {
			facts = append(facts, [2]string{m.Name, definition(m, s)})
		}
	}
	if p.Data.Resize != "" {
		facts = append(facts, [2]string{samples(p), p.Data.Resize})
	}
	if p.Data.Preprocess != "" {
		facts = append(facts, [2]string{"preprocess", p.Data.Preprocess})
	}
	for _, n := range p.Model.Notes {
		facts = append(facts, [2]string{"note", n})
	}
	for _, w := range p.Warnings {
		facts = append(facts, [2]string{"warning", w})
	}
	if v := p.Verdict; v != nil {
		facts = append(facts, [2]string{"verdict", fmt.Sprintf("%s: %s", v.Word, v.Why())})
	}
	if p.Depth != nil {
		facts = append(facts, [2]string{"depth", p.Depth.Sentence})
	}
	if p.Against != nil {
		facts = append(facts, [2]string{"against", AgainstSentence(p)})
	}
	if p.Samples != nil {
		facts = append(facts, [2]string{"samples", sampleFact(p.Samples)})
	}
	for i := range facts {
		facts[i][1] = visible.Line(facts[i][1])
	}
	return facts
}

// samples is what a probe's samples are called: images, unless they are vectors or arrays.
func samples(p *result.Probe) string {
	if p.Data.Vectors || p.Model.Inputs != nil {
		return "samples"
	}
	return "images"
}

// inputs says which arrays a model of several takes, and which of them as the mask.
func inputs(p *result.Probe) string {
	var all []string
	for _, in := range p.Model.Inputs {
		text := fmt.Sprintf("%s %v", in.Name, in.Shape)
		if in.Mask {
			text += " (the mask: 0 is padding)"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// banks says among what neighbours are looked for.
func banks(p *result.Probe) string {
	var all []string
	for _, b := range p.Data.Banks {
		all = append(all, fmt.Sprintf("%s, %d %s, of which the network was trained on %d (%s %s)",
			b.Name, b.Images, samples(p), b.Seen, p.RawName(), show(b.Pixels.Value())))
	}
	return strings.Join(all, "; ")
}

// baselines says what accuracies are read against.
func baselines(p *result.Probe) string {
	b := p.Baselines
	s := fmt.Sprintf("chance %s, %s %s", show(float64(b.Chance)), p.RawName(), show(b.Pixels.Value()))
	if b.AugmentedPixels != nil {
		s += fmt.Sprintf(" (%s with views in the bank)", show(b.AugmentedPixels.Value()))
	}
	s += ", untrained " + show(b.Untrained.Value())
	if d := p.AtEmbedding().Draws; d != nil && len(d.Accuracies) > 1 {
		s += fmt.Sprintf(" (mean of %d draws, standard deviation %s, statistics %s; the trained network is number %d of %d)",
			len(d.Accuracies), show(float64(d.SD)), p.Settings.Statistics, d.Rank, len(d.Accuracies)+1)
	}
	return s
}

// inputRow says why the layer table's row of the input is not the baseline of raw pixels,
// where it is not; "" where they agree.
func inputRow(p *result.Probe) string {
	for i := range p.Layers {
		l := &p.Layers[i]
		row, pixels := l.At("knn.true", p.Settings.Headline), p.Baselines.Pixels.Value()
		if l.Op != "" || math.IsNaN(row) || math.IsNaN(pixels) || row == pixels {
			continue
		}
		why := "the layer has the pixels as the network is given them"
		if len(p.Settings.Mean) > 0 {
			why = "the layer has them less a mean and over a deviation by channel, which changes their distances"
		}
		return fmt.Sprintf("its accuracy is %s, that of raw pixels %s: raw pixels are in [0,1], %s",
			show(row), show(pixels), why)
	}
	return ""
}

// definition says in a line what a metric is and how it was measured.
func definition(m result.Metric, s result.Settings) string {
	text := m.Definition
	if m.Source != "" {
		text += " (" + m.Source + ")"
	}
	if m.Settings != "" {
		text += "; " + m.Settings
	}
	if m.Name == "invariance" && s.Augment != "" {
		text += " by " + s.Augment
	}
	return text
}

// redrawn says how much of the untrained network is new.
func redrawn(share float64) string {
	s := fmt.Sprintf("%.1f %% of the parameters drawn anew", 100*share)
	if share < result.MinRedrawn {
		s = "warning: only " + s + "; the rest is the trained network's, and so may be its baseline"
	}
	return s
}

func show(v float64) string {
	if math.IsNaN(v) {
		return "not known"
	}
	return fmt.Sprintf("%.3f", v)
}
