package result

import (
	"bytes"
	"strings"
	"testing"
)

// What is read is written so that it is read again, and written as it was.
func FuzzProbe(f *testing.F) {
	var b bytes.Buffer
	if err := sample().Encode(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := DecodeProbe(bytes.NewReader(data))
		if err != nil {
			return
		}
		var once, twice bytes.Buffer
		if err := p.Encode(&once); err != nil {
			t.Fatal(err)
		}
		if p, err = DecodeProbe(bytes.NewReader(once.Bytes())); err == nil {
			err = p.Encode(&twice)
		}
		if err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Fatalf("%v: %s, then %s", err, once.Bytes(), twice.Bytes())
		}
	})
}

// The files of a run directory that are text: a record is as it was sealed, rows are
// written as they are read.
func FuzzRunDirectory(f *testing.F) {
	var record, rows bytes.Buffer
	if err := (&Run{Config: map[string]any{"epochs": 3, "data": "shapes"}, Finished: true}).Encode(&record); err != nil {
		f.Fatal(err)
	}
	if err := WriteEpochs(&rows, []Epoch{{Epoch: 0, Test: 0.5}, {Epoch: 1, Loss: 1e-9}}); err != nil {
		f.Fatal(err)
	}
	f.Add(record.Bytes(), rows.String())
	f.Fuzz(func(t *testing.T, record []byte, rows string) {
		DecodeRun(bytes.NewReader(record))
		epochs, err := ReadEpochs(strings.NewReader(rows))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := WriteEpochs(&b, epochs); err != nil {
			t.Fatal(err)
		}
		again, err := ReadEpochs(&b)
		if err != nil || len(again) != len(epochs) {
			t.Fatalf("%d rows, then %d: %v", len(epochs), len(again), err)
		}
	})
}

// A row that is cut off is left out at the end of a file, where a kill may have left it,
// and an error before the end.
func TestEpochsCutOff(t *testing.T) {
	const head = "epoch,loss\n0,2\n"
	if rows, err := ReadEpochs(strings.NewReader(head + "1\n")); err != nil || len(rows) != 1 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if rows, err := ReadEpochs(strings.NewReader(head + "1\n2,1\n")); err == nil ||
		!strings.Contains(err.Error(), "line 3") {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}
