package report

import (
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/probe/result"
)

// rivalled is a probe of layers that were compared with those of another network, of
// one layer fewer.
func rivalled() *result.Probe {
	p := wholeProbe(4, 3)
	p.Data.Classes = []string{"cat", "dog", "owl"}
	a := &result.Against{Model: result.Model{Path: "runs/=other.onnx"}, Sampled: 50, Queries: 3, K: 20,
		Bank: "all", Chance: 0.01}
	for j := range 3 {
		a.Layers = append(a.Layers, result.Other{Name: []string{"in", "mid", "out"}[j], Dim: 8, Pool: "avg"})
	}
	for i := range p.Layers {
		var cka, shared []result.Number
		for j := range a.Layers {
			cka, shared = append(cka, result.Number(float64(10*i+j)/64)), append(shared, result.Number(float64(i+j)/8))
		}
		a.CKA, a.Shared = append(a.CKA, cka), append(a.Shared, shared)
	}
	a.CKA[1][2] = result.Number(math.NaN())
	e := p.AtEmbedding()
	p.Model.Embedding = e.Name
	a.Matches = []result.Match{{Layer: e.Name, Other: "mid", By: result.ByRole, CKA: 0.5, Shared: 0.25,
		SharedCI: result.Interval{0.2, 0.3}, Jaccard: 0.125, JaccardCI: result.Interval{0.1, 0.15}, True: 0.75,
		OtherTrue: 0.5, Differ: 2, McNemar: &result.McNemar{First: 2, Second: 0, P: 0.5}}}
	wrong := 2
	a.Predictions = &wrong
	for i := range 3 {
		ours, theirs := i, (i+1)%3
		d := result.Differed{Index: 7 * i, True: i, Prediction: &ours, OtherPrediction: &theirs, Neighbours: i,
			OtherNeighbours: theirs, Shared: result.Number(float64(i) / 4),
			ByMatch: []result.Asked{{Neighbours: i, OtherNeighbours: theirs, Shared: float32(i) / 4}}}
		a.Rows = append(a.Rows, d)
	}
	a.Differ = a.Rows[:2]
	p.Against = a
	return p
}

func TestAgainstIsWritten(t *testing.T) {
	p, dir := rivalled(), t.TempDir()
	files, err := Write(dir, p, []string{"png", "pdf", "html", "svg"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"against-layers.png", "figures/against-layers-one-column.svg", "against.csv",
		"against-layers.csv"} {
		if !slices.Contains(files, filepath.Join(dir, name)) {
			t.Errorf("no %s in %v", name, files)
		}
	}
	var b bytes.Buffer
	if err := p.Encode(&b); err != nil {
		t.Fatal(err)
	}
	if err := conforms(t, "probe.schema.json", b.Bytes()); err != nil {
		t.Error(err)
	}
	read := func(name string) [][]string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	pairs := read("against-layers.csv")
	if len(pairs) != 1+4*3 || !slices.Equal(pairs[1+3+1][2:4], []string{"0.171875", "0.25"}) || pairs[1+3+2][2] != "" ||
		pairs[1+2*3+1][4] != "role" || pairs[1][4] != "" {
		t.Errorf("pairs %v", pairs)
	}
	rows := read("against.csv")
	e := p.Model.Embedding
	want := []string{"index", "true", "true_class", "prediction", "against_prediction", "neighbours." + e,
		"against_neighbours." + e, "shared." + e}
	if len(rows) != 4 || !slices.Equal(rows[0], want) ||
		!slices.Equal(rows[3], []string{"14", "2", p.Data.Classes[2], "2", "0", "2", "0", "0.5"}) {
		t.Errorf("queries %v", rows)
	}
	figures := figuresIn(t, pageText(t, p))["figure-against-layers"]
	if len(figures) != 2 || figures[0].Cells[3][1] != result.Number(31.0/64) || figures[1].Cells[2][2] != 0.5 ||
		!slices.Equal(figures[0].X.Full, []string{"in", "mid", "out"}) {
		t.Errorf("charts %+v", figures)
	}
}

func TestAgainstTables(t *testing.T) {
	p := rivalled()
	var match, differ bytes.Buffer
	if err := MatchTable(p.Against).Write(&match, "csv"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(match.String(), p.Model.Embedding+",mid,role,0.5,0.25,0.2,0.3,0.125,0.75,0.5,2,2,0,0.5") {
		t.Errorf("matches\n%s", &match)
	}
	if err := DifferTable(p, 1).Write(&differ, "csv"); err != nil {
		t.Fatal(err)
	}
	c := p.Data.Classes
	if want := "index,true,neighbours,against neighbours,prediction,against prediction,shared\n0," +
		strings.Join([]string{c[0], c[0], c[1], c[0], c[1], "0"}, ",") + "\n"; differ.String() != want {
		t.Errorf("differ\n%s, want\n%s", &differ, want)
	}
	if got := AgainstSentence(p); !strings.Contains(got,
		"against =other.onnx, on 3 queries and 50 training images: at the embedding linear CKA 0.500, of 20 "+
			"neighbours 25.0 % in common (by chance 1.0 %); the neighbours answer 2 queries differently, the "+
			"networks themselves 2") {
		t.Error(got)
	}
}
