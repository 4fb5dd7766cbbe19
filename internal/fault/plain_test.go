package fault

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestPlain(t *testing.T) {
	var doc struct {
		Layers []struct{ Index int }
		Name   string
	}
	for text, want := range map[string]string{
		`{"layers": [`:                 `ends in the middle of its JSON`,
		``:                             `ends in the middle of its JSON`,
		`{"layers": x}`:                `is no JSON: byte 12 does not belong there`,
		`{"layers": "x"}`:              `"layers" is a text, want a list`,
		`{"layers": [{"index": 1.5}]}`: `"layers.index" is the number 1.5, want a whole number`,
		`{"name": []}`:                 `"name" is a list, want a text`,
		`[]`:                           `it is a list, want an object`,
	} {
		err := Plain(json.Unmarshal([]byte(text), &doc))
		if err == nil || !strings.EqualFold(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if err := Plain(io.EOF); err.Error() != "ends too early" || !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	if err := Wrap("a.npz", zip.ErrFormat); err.Error() != "a.npz: is no zip archive" {
		t.Errorf("%v", err)
	}
	own := fmt.Errorf("header: %w", io.EOF)
	if Plain(own) != own || Plain(nil) != nil {
		t.Error("an error that has words is given others")
	}
}
