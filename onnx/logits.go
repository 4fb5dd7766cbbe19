package onnx

import (
	"fmt"
	"slices"
	"strings"

	"memprobe/internal/meta"
	"memprobe/internal/show"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Logits are the tensor of a classifier's scores, before they become probabilities.
type Logits struct {
	Name    string
	Classes int    // scores of an image
	Output  string // the graph's output that they are or become; "" for a tensor that was named
	Through string // the operator that makes that output of them; "" if they are it
	// After says what probabilities they are computed from, where they are no scores and it
	// is not plain which tensor holds these; "" else, and for a tensor that was named.
	After string
}

// String says in a line which tensor was taken.
func (l Logits) String() string {
	s := fmt.Sprintf("%s [N,%d]", show.Name(l.Name), l.Classes)
	if l.Through != "" {
		s += fmt.Sprintf(", before the %s that yields the output %s", l.Through, show.Name(l.Output))
	}
	if l.After != "" {
		s += ", computed from " + l.After
	}
	return s
}

// Logits finds the logits of a network whose input has the given shape, its first
// dimension the batch: the tensor want, or that which the model records, or else the
// output of floats [N,classes]; where a Softmax, LogSoftmax or Sigmoid yields that
// output, perhaps in another shape or behind a Log, Exp or Clip, what it reads. Of several outputs it is the one as wide as there are
// classes, where that is known: 0 says that it is not. Where none or several are, the
// error lists them.
func (m *Model) Logits(inputs map[string]*tensor.Tensor, want string, classes int) (Logits, error) {
	g, err := m.checked(false)
	if err != nil {
		return Logits{}, err
	}
	values, err := m.Infer(g, inputs)
	if err != nil {
		return Logits{}, err
	}
	shapes := map[string][]int{}
	for name, t := range inputs {
		shapes[name] = t.Shape
	}
	return m.logits(values, shapes, want, classes)
}

// logits is Logits, given what is known of each tensor and the inputs' shapes.
func (m *Model) logits(values map[string]*ops.Value, inputs map[string][]int, want string,
	classes int) (Logits, error) {
	rows := 0
	for _, v := range m.Inputs()[:min(1, len(m.Inputs()))] {
		if s := inputs[v.Name]; len(s) > 0 {
			rows = s[0]
		}
	}
	search := m.newSearch(values, rows)
	if want == "" {
		want, _ = m.Metadata(meta.Logits)
	}
	all := search.candidates(m.Outputs())
	if want != "" {
		if i := slices.IndexFunc(all, func(l Logits) bool { return l.Name == want }); i >= 0 {
			all[i].After = ""
			return all[i], nil
		}
		if n := search.width(want); n > 0 {
			return Logits{Name: want, Classes: n}, nil
		}
		return Logits{}, m.errorf("logits %q: the graph has no such tensor of floats [N,classes]; candidates are %s", want,
			list(all))
	}
	fits := slices.DeleteFunc(slices.Clone(all), func(l Logits) bool { return l.Classes != classes })
	switch {
	case len(all) == 0:
		return Logits{}, m.errorf("the model has outputs %v, want one of floats [N,classes]", m.Outputs())
	case len(all) == 1:
		return all[0], nil
	case len(fits) == 1:
		return fits[0], nil
	case classes == 0:
		return Logits{}, m.errorf("which output are the logits? --logits NAME tells, one of %s", list(all))
	}
	return Logits{}, m.errorf("which output are the logits of %d classes? --logits NAME tells, one of %s", classes,
		list(all))
}

func list(all []Logits) string {
	if len(all) == 0 {
		return "none"
	}
	lines := make([]string, len(all))
	for i, l := range all {
		lines[i] = l.String()
	}
	return strings.Join(lines, "; ")
}
