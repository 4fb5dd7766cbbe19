package main

import (
	"bytes"
	"strings"
	"testing"

	"memprobe/internal/shared"
)

func TestTotalsAreTheLastLine(t *testing.T) {
	var out bytes.Buffer
	sum, err := run(&out, shared.Path(t, "onnx-backend-tests", "simple"), "model", true)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, `{"total":`) || !strings.Contains(last, `"fail":0`) {
		t.Errorf("last line %s", last)
	}
	if sum.Pass == 0 || sum.Pass+sum.Excluded != sum.Total || len(lines) != sum.Excluded+1 {
		t.Errorf("%d lines for %+v", len(lines), sum)
	}
	if _, err := run(&out, t.TempDir(), "", false); err == nil {
		t.Error("a folder without cases passes")
	}
}
