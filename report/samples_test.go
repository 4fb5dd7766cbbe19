package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"

	"memprobe/probe/result"
)

func described() *result.Probe {
	two, one := 2, 1
	return &result.Probe{
		Data: result.Data{Classes: []string{"cat", "=dog"}},
		Samples: &result.Samples{K: 4, Images: 2, Mislabelled: 1, FlipCounts: []int{0, 1, 0}, Epochs: 3,
			Layers: []string{"in,put", "out"}, Rows: []result.Sample{
				{Index: 7, File: "train/cat/1.png", True: 0, Assigned: 1, Prediction: &one, TrueShare: []float32{0.25, 0.5},
					AssignedShare: []float32{0.5, 0.75}, FlipDepth: &one, PredictionDepth: &two,
					Trace: &result.Trace{Learned: &two, Forgotten: 1, Cumulative: 3.5, Final: 0.5, Spread: 0.125}},
				{Index: 9, True: 1, Assigned: 1, TrueShare: []float32{1, 0}, AssignedShare: []float32{0, 1},
					Trace: &result.Trace{Cumulative: 6, Final: 2}},
			}},
	}
}

func TestSamplesCSV(t *testing.T) {
	var b bytes.Buffer
	if err := writeSamplesCSV(&b, described()); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"index", "file", "true", "true_class", "assigned", "prediction", "flip_depth", "flip_layer",
			"prediction_depth", "learning_epoch", "forgetting_events", "cumulative_loss", "final_loss", "loss_spread",
			"true_share.in,put", "assigned_share.in,put", "true_share.out", "assigned_share.out"},
		{"7", "train/cat/1.png", "0", "cat", "1", "1", "1", "out", "2", "2", "1", "3.5", "0.5", "0.125", "0.25", "0.5",
			"0.5", "0.75"},
		{"9", "", "1", "'=dog", "1", "", "", "", "", "", "0", "6", "2", "0", "1", "0", "0", "1"},
	}
	if fmt.Sprint(rows) != fmt.Sprint(want) {
		t.Errorf("samples.csv is\n%v, want\n%v", rows, want)
	}
}

// The file is read by the types of a struct, whatever the order of its columns.
func TestSamplesParquet(t *testing.T) {
	var b bytes.Buffer
	if err := writeSamplesParquet(&b, described()); err != nil {
		t.Fatal(err)
	}
	type row struct {
		Index    int64    `parquet:"index,optional"`
		File     *string  `parquet:"file,optional"`
		Class    string   `parquet:"true_class,optional"`
		Answer   *int64   `parquet:"prediction,optional"`
		Flip     *int64   `parquet:"flip_depth,optional"`
		Layer    *string  `parquet:"flip_layer,optional"`
		Learned  *int64   `parquet:"learning_epoch,optional"`
		Loss     *float64 `parquet:"cumulative_loss,optional"`
		Assigned float32  `parquet:"assigned_share.out"`
	}
	f, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range f.Schema().Fields() {
		names = append(names, c.Name())
	}
	if len(names) != 18 || names[0] != "index" || !slices.Contains(names, "true_share.in,put") {
		t.Errorf("columns %q", names)
	}
	if k, ok := f.Lookup("memprobe.k"); !ok || k != "4" {
		t.Errorf("k is %q", k)
	}
	rows, err := parquet.Read[row](bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	a, c := rows[0], rows[1]
	if a.Index != 7 || *a.File != "train/cat/1.png" || a.Class != "cat" || *a.Answer != 1 || *a.Flip != 1 ||
		*a.Layer != "out" || *a.Learned != 2 || *a.Loss != 3.5 || a.Assigned != 0.75 {
		t.Errorf("the first image is %+v", a)
	}
	if c.Index != 9 || c.Class != "=dog" || c.Answer != nil || c.Flip != nil || c.Layer != nil || c.Learned != nil ||
		*c.Loss != 6 || c.Assigned != 1 {
		t.Errorf("the second image is %+v", c)
	}
}
