package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"memprobe/internal/tol"
	"memprobe/probe/result"
)

func TestTableFoldsSeeds(t *testing.T) {
	c := variants(t)
	table := c.Table(false)
	if err := table.Sort("-probe"); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := table.Write(&b, "csv"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if want := "run,labels,augment,mixup,epochs,verdict,probe,probe sd,untrained,untrained sd,margin,margin " +
		"sd,margin 95 % low,margin 95 % high,fit,fit sd,fit augmented,fit augmented sd,test,test " +
		"sd,assigned,assigned sd,pixels,pixels sd,seeds"; lines[0] != want {
		t.Errorf("columns\n%s\nwant\n%s", lines[0], want)
	}
	var runs []string
	for _, l := range lines[1:] {
		runs = append(runs, strings.Split(l, `"`)[1])
	}
	if want := "[true labels, crop-flip random labels, crop-flip, mixup 0.8 random labels, crop-flip random labels, " +
		"no augmentation]"; fmt.Sprint(runs) != want {
		t.Errorf("rows %v, want %v", runs, want)
	}
	if each := c.Table(true); len(each.rows) != 8 || len(table.rows) != 4 {
		t.Errorf("%d rows a run and %d folded, want 8 and 4", len(each.rows), len(table.rows))
	}
	byEnd := &Table{Columns: []string{"margin 95 %"},
		rows: [][]value{{interval(result.Interval{0.02, 0.1})}, {textual("")}, {interval(result.Interval{-0.3, 0.2})}}}
	if err := byEnd.Sort("margin 95 %"); err != nil ||
		fmt.Sprint(byEnd.rows) != "[[-0.300 to 0.200] [0.020 to 0.100] []]" {
		t.Errorf("by interval: %v, %v", byEnd.rows, err)
	}
	b.Reset()
	if err := byEnd.Write(&b, "csv"); err != nil ||
		b.String() != "margin 95 % low,margin 95 % high\n-0.3,0.2\n0.02,0.1\n,\n" {
		t.Errorf("intervals as CSV: %q, %v", b.String(), err)
	}
	if err := table.Sort("colour"); err == nil || !strings.Contains(err.Error(), "labels, augment") {
		t.Errorf("sorted by a column that is not there: %v", err)
	}
	var doc struct {
		Schema string
		Rows   []struct {
			Run   string
			Probe struct{ Mean, SD, N float64 }
			Seeds int
		}
	}
	b.Reset()
	if err := table.Write(&b, "json"); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatalf("%v in %s", err, b.String())
	}
	// 0.45 and 0.47: mean 0.46, deviation 0.02/√2.
	first := doc.Rows[0]
	if err := tol.Close([]float64{first.Probe.Mean, first.Probe.SD, first.Probe.N},
		[]float64{0.46, 0.02 / math.Sqrt2, 2}, 1e-12, 0); err != nil || doc.Schema != TableSchema || first.Seeds != 2 {
		t.Errorf("JSON %+v: %v", doc, err)
	}
	for format, want := range map[string]string{"text": "0.460 ± 0.014", "markdown": "| 0.460 ± 0.014 |",
		"latex": ` & 0.460 $\pm$ 0.014 & `} {
		b.Reset()
		if err := table.Write(&b, format); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%s: no %q in\n%s", format, want, b.String())
		}
	}
}

func TestMean(t *testing.T) {
	m, sd, n := mean([]float64{1, math.NaN(), 2, 4})
	if err := tol.Close([]float64{m, sd, float64(n)}, []float64{7.0 / 3, math.Sqrt(7.0 / 3), 3}, 1e-15, 0); err != nil {
		t.Error(err)
	}
	if m, sd, n := mean([]float64{math.NaN()}); !math.IsNaN(m) || sd != 0 || n != 0 {
		t.Errorf("of nothing: %v, %v, %d", m, sd, n)
	}
}
