package dataset

import (
	"archive/zip"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// tokens is an archive of four sequences of three tokens with a mask, and two for testing,
// with text for labels.
func tokens() map[string][]byte {
	return map[string][]byte{
		"input_ids_train": npyBytes("<i8", []int64{5, 6, 0, 7, 8, 9, 5, 5, 0, 16777216, 1, 2}, 4, 3),
		"attention_mask_train": npyBytes("|b1",
			[]bool{true, true, false, true, true, true, true, true, false, true, true, true}, 4, 3),
		"weight_train":        npyBytes("<f4", []float32{0.5, 1.5, -2, 0}, 4),
		"y_train":             npyBytes("<U3", []uint32{'c', 'a', 't', 'd', 'o', 'g', 'd', 'o', 'g', 'a', 'n', 't'}, 4),
		"input_ids_test":      npyBytes("<i8", []int64{1, 2, 3, 4, 5, 6}, 2, 3),
		"attention_mask_test": npyBytes("|b1", []bool{true, true, true, true, true, true}, 2, 3),
		"weight_test":         npyBytes("<f4", []float32{1, 2}, 2),
		"y_test":              npyBytes("<U3", []uint32{'d', 'o', 'g', 'c', 'a', 't'}, 2),
	}
}

func wantRows(t *testing.T, s *Split, want ...[]float32) {
	t.Helper()
	for i, w := range want {
		got := make([]float32, len(w))
		if s.Float32(got, i); !slices.Equal(got, w) {
			t.Errorf("sample %d is %v, want %v", i, got, w)
		}
	}
}

func TestArraysOfNPZ(t *testing.T) {
	spec := "npz:" + writeNPZ(t, tokens(), zip.Deflate)
	inputs := []Array{{Name: "input_ids", Shape: []int{0}}, {Name: "attention_mask", Shape: []int{3}}}
	s := open(t, spec, Options{Inputs: inputs})
	if got, want := s.Arrays, []Array{{"input_ids", []int{3}, true},
		{"attention_mask", []int{3}, true}}; !sameArrays(got, want) || s.W != 6 {
		t.Errorf("arrays %v of %d values, want %v", got, s.W, want)
	}
	wantRows(t, &s.Train, []float32{5, 6, 0, 1, 1, 0}, []float32{7, 8, 9, 1, 1, 1}, []float32{5, 5, 0, 1, 1, 0},
		[]float32{1 << 24, 1, 2, 1, 1, 1})
	if !slices.Equal(s.Classes, []string{"ant", "cat", "dog"}) ||
		!slices.Equal(s.Train.Labels(), []int32{1, 2, 2, 0}) || !slices.Equal(s.Test.Labels(), []int32{2, 1}) {
		t.Errorf("classes %q, labels %v and %v", s.Classes, s.Train.Labels(), s.Test.Labels())
	}
	all := open(t, spec, Options{TrainLimit: 3})
	if got, want := all.Arrays, []Array{{"attention_mask", []int{3}, true}, {"input_ids", []int{3}, true},
		{"weight", nil, false}}; !sameArrays(got, want) || all.Train.N() != 3 {
		t.Errorf("without a model: %v, want %v", got, want)
	}
	if all.Fingerprint() == s.Fingerprint() {
		t.Error("other arrays have the same fingerprint")
	}
	lone := map[string][]byte{"x": tokens()["input_ids_train"], "y": npyBytes("<i8", []int64{0, 1, 1, 0}, 4)}
	if s := open(t, "npz:"+writeNPZ(t, lone, zip.Store), Options{Inputs: inputs[:1]}); !sameArrays(s.Arrays,
		[]Array{{"input_ids", []int{3}, true}}) {
		t.Errorf("x for an only input: %v", s.Arrays)
	}
	if err := s.CheckUnit(); err == nil || !strings.Contains(err.Error(), "augmentations want images") {
		t.Errorf("augmentation of tokens: %v", err)
	}
}

func TestArraysOfNPZFaults(t *testing.T) {
	inputs := []Array{{Name: "input_ids", Shape: []int{0}}, {Name: "attention_mask", Shape: []int{0}}}
	for name, c := range map[string]struct {
		change map[string][]byte
		o      Options
		words  []string
	}{
		"missing": {nil, Options{Inputs: append(slices.Clone(inputs), Array{Name: "token_type_ids"})},
			[]string{`no array token_type_ids_train for the model's input "token_type_ids"`, "attention_mask_train"}},
		"other length": {nil, Options{Inputs: []Array{{Name: "input_ids", Shape: []int{4}}}},
			[]string{"input_ids_train", "[3] a sample", "takes [4]"}},
		"other rank": {nil, Options{Inputs: []Array{{Name: "input_ids", Shape: []int{0, 4}}}}, []string{"takes [? 4]"}},
		"too large": {map[string][]byte{"input_ids_train": npyBytes("<i8", []int64{1, 1<<24 + 1, 3, 4}, 4, 1)},
			Options{Inputs: inputs[:1]}, []string{"record 1", "16777217", "2^24"}},
		"rows": {map[string][]byte{"input_ids_train": npyBytes("<i8", make([]int64, 9), 3, 3)}, Options{},
			[]string{"3 samples", "4 labels"}},
		"test length": {map[string][]byte{"input_ids_test": npyBytes("<i8", make([]int64, 4), 2, 2)},
			Options{Inputs: inputs}, []string{"input_ids [2]", "input_ids [3]"}},
		"NaN": {map[string][]byte{"weight_train": npyBytes("<f4", []uint32{0, 0x7fc00000, 0, 0}, 4)},
			Options{}, []string{"weight_train", "NaN"}},
		"text": {map[string][]byte{"input_ids_train": npyBytes("<U1", []uint32{1, 2, 3, 4}, 4)},
			Options{Inputs: inputs[:1]}, []string{"input_ids_train", "want numbers"}},
		"empty label": {map[string][]byte{"y_test": npyBytes("<U1", []uint32{'a', 0}, 2)}, Options{},
			[]string{"record 1", "label is empty"}},
		"mixed labels": {map[string][]byte{"y_test": npyBytes("<i8", []int64{0, 0}, 2)}, Options{},
			[]string{"labels of one split are text"}},
		"claim": {map[string][]byte{"input_ids_train": npyBytes("<i8", []int64{1}, 4, 1<<30)},
			Options{Inputs: inputs[:1]}, []string{"2^24"}},
		"truncated": {map[string][]byte{"input_ids_train": npyBytes("<i8", []int64{1, 2, 3}, 4, 1)},
			Options{Inputs: inputs[:1]}, []string{"input_ids_train", "record 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			arrays := tokens()
			maps.Copy(arrays, c.change)
			wantFault(t, "npz:"+writeNPZ(t, arrays, zip.Store), c.o, c.words...)
		})
	}
}

type tokenRow struct {
	IDs   []int64   `parquet:"input_ids,list"`
	Mask  []int32   `parquet:"attention_mask,list"`
	Given []float64 `parquet:"given,list"`
	Index int64     `parquet:"idx"`
	Label string    `parquet:"label"`
}

func TestArraysOfParquet(t *testing.T) {
	rows := []tokenRow{{[]int64{1, 2}, []int32{1, 1}, []float64{0.5}, 9, "no"},
		{[]int64{3}, []int32{1}, []float64{1}, 8, "yes"}, {[]int64{4, 5, 6}, []int32{1, 1, 1}, []float64{2}, 7, "no"}}
	dir := writeTree(t, map[string][]byte{
		"train.parquet": parquetBytes(rows),
		"test.parquet": parquetBytes([]tokenRow{{[]int64{7, 8, 9, 1}, []int32{1, 1, 1, 1}, []float64{3}, 6, "yes"},
			{nil, nil, []float64{4}, 5, "no"}}),
	})
	s := open(t, "parquet:"+dir, Options{Inputs: []Array{{Name: "attention_mask", Shape: []int{0}},
		{Name: "input_ids", Shape: []int{5}}}})
	if want := []Array{{"attention_mask", []int{4}, true}, {"input_ids", []int{5}, true}}; !sameArrays(s.Arrays, want) {
		t.Fatalf("arrays %v, want %v", s.Arrays, want)
	}
	wantRows(t, &s.Train, []float32{1, 1, 0, 0, 1, 2, 0, 0, 0}, []float32{1, 0, 0, 0, 3, 0, 0, 0, 0},
		[]float32{1, 1, 1, 0, 4, 5, 6, 0, 0})
	wantRows(t, &s.Test, []float32{1, 1, 1, 1, 7, 8, 9, 1, 0}, make([]float32, 9))
	if !slices.Equal(s.Classes, []string{"no", "yes"}) || !slices.Equal(s.Train.Labels(), []int32{0, 1, 0}) {
		t.Errorf("classes %q, labels %v", s.Classes, s.Train.Labels())
	}
	if notes := strings.Join(s.Notes, "; "); !strings.Contains(notes,
		"input_ids: rows of 0 to 4 values, padded with 0 to 5") {
		t.Errorf("notes %s", notes)
	}
	all := open(t, "parquet:"+dir, Options{})
	if want := []Array{{"attention_mask", []int{4}, true}, {"given", []int{1}, false},
		{"input_ids", []int{4}, true}}; len(all.Arrays) != len(want) {
		t.Errorf("without a model: %v", all.Arrays)
	}
	for word, inputs := range map[string][]Array{
		"no column token_type_ids":     {{Name: "input_ids"}, {Name: "token_type_ids"}},
		"takes [2]":                    {{Name: "input_ids", Shape: []int{2}}},
		"no column x of numbers":       {{Name: "x"}, {Name: "z"}},
		"no column other of numbers o": {{Name: "other"}},
	} {
		wantFault(t, "parquet:"+dir, Options{Inputs: inputs}, word)
	}
}

// A list that is missing, or a number inside one, is no zero.
func TestMissingInParquet(t *testing.T) {
	type row struct {
		IDs   []*int64 `parquet:"input_ids,list,optional"`
		Label int64    `parquet:"label"`
	}
	for word, rows := range map[string][]row{
		"record 1 has no value": {{[]*int64{new(int64(1))}, 0}, {nil, 0}},
		"record 0 has no value": {{[]*int64{new(int64(1)), nil}, 0}, {[]*int64{new(int64(2))}, 0}},
	} {
		dir := writeTree(t, map[string][]byte{"train.parquet": parquetBytes(rows, parquet.DataPageVersion(2))})
		wantFault(t, "parquet:"+dir, Options{}, word)
	}
}
