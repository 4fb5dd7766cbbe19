package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"memprobe/internal/fault"
	"memprobe/internal/show"
	"memprobe/onnx"
)

// computable finds which of some tensors try, a compilation of the model or its
// inspection, can do; it is called again without those that its error is about. The
// model keeps what the others need.
func computable(m *onnx.Model, names []string,
	try func(names []string) error) (left []string, lost []onnx.Lost, err error) {
	for {
		m.Keep(names)
		err := try(names)
		if err == nil {
			return names, lost, nil
		}
		left, more := m.Blame(names, err)
		if len(left) == 0 || len(more) == 0 {
			return nil, nil, err
		}
		names, lost = left, append(lost, more...)
	}
}

// reportLost names the tensors that could not be extracted, the first of many, a line a reason. That is an
// error where --layers names one of them itself, not by a pattern.
func reportLost(w io.Writer, layers string, lost []onnx.Lost) error {
	named := strings.Split(layers, ",")
	reasons, exact := map[string][]string{}, false
	var order []string
	for _, l := range lost {
		reason := l.Err.Error()
		if reasons[reason] == nil {
			order = append(order, reason)
		}
		reasons[reason] = append(reasons[reason], l.Name)
		exact = exact || slices.Contains(named, l.Name)
	}
	var lines []string
	for _, reason := range order {
		lines = append(lines, fmt.Sprintf("left out %s: %s", show.List(reasons[reason]), show.Line(reason)))
	}
	if exact {
		return &fault.Error{Err: fmt.Errorf("%s; the others are written", strings.Join(lines, "; "))}
	}
	for _, line := range lines {
		fmt.Fprintf(w, "memprobe extract: %s\n", line)
	}
	return nil
}
