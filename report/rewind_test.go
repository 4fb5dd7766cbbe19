package report

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/probe/result"
)

func TestWriteRewind(t *testing.T) {
	epoch := 4
	row := func(block string, fit, probe float64) result.Rewound {
		return result.Rewound{Block: block, Role: "block", Parameters: 12, Fit: result.Some(fit), Probe: result.Number(probe)}
	}
	r := &result.Rewind{Epoch: &epoch, Trained: row("", 1, 0.5), Plain: row("", 0.75, 0.5),
		Alone:  []result.Rewound{row("=a", 0.5, 0.25), row("b", 0.25, math.NaN())},
		Onward: []result.Rewound{row("=a", 0.125, 0.25), row("b", 0.25, 0.5)}}
	dir := filepath.Join(t.TempDir(), "new")
	files, err := WriteRewind(dir, r, []string{"png"})
	if err != nil || len(files) != 3 {
		t.Fatalf("%q, %v", files, err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "rewind.csv"))
	if err != nil {
		t.Fatal(err)
	}
	want := "scope,block,role,parameters,fit,test,true,assigned\ntrained,,block,12,1,,0.5,\nplain,,block,12,0.75,,0.5,\n" +
		"alone,'=a,block,12,0.5,,0.25,\nalone,b,block,12,0.25,,,\nonward,'=a,block,12,0.125,,0.25,\nonward,b,block,12,0.25,,0.5,\n"
	if string(b) != want {
		t.Errorf("rewind.csv is\n%s, want\n%s", b, want)
	}
	back, err := result.ReadRewind(filepath.Join(dir, "rewind.json"))
	if err != nil {
		t.Fatal(err)
	}
	if *back.Epoch != 4 || back.Alone[0].Fit.Value() != 0.5 || !math.IsNaN(float64(back.Alone[1].Probe)) ||
		back.Alone[0].Assigned != nil {
		t.Errorf("read back %+v", back)
	}
	var text bytes.Buffer
	if err := RewindTable(r).Write(&text, "text"); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(text.String(), "\n"); len(lines) != 6 ||
		strings.Join(strings.Fields(lines[3]), " ") != "=a 12 0.500 0.250 - 0.125 0.250 -" {
		t.Errorf("the table is\n%s", text.String())
	}
}
