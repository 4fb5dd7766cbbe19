package onnxtest

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed testdata/excluded.txt
var excludedText string

// Exclusion is a known reason for which cases of ONNX's backend tests fail: their
// failure contains Text.
type Exclusion struct{ Text, Reason string }

// Exclusions returns the reasons, in the order of the list.
func Exclusions() ([]Exclusion, error) {
	var out []Exclusion
	for line := range strings.Lines(excludedText) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		text, reason, ok := strings.Cut(line, " => ")
		if !ok || reason == "" {
			return nil, fmt.Errorf("excluded.txt: %q gives no reason", line)
		}
		out = append(out, Exclusion{text, reason})
	}
	return out, nil
}

// Explains reports whether a failure is one of those that e is for.
func (e Exclusion) Explains(failure string) bool { return strings.Contains(failure, e.Text) }
