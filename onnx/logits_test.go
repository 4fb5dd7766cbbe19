package onnx

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
)

// scores is a network of outputs that are a row an image: f [N,192], l [N,4], a [N,4]
// and h [N,5].
func scores(t *testing.T, outputs string, nodes ...any) *Model {
	t.Helper()
	m := network(t, []string{"w 192 4", "v 192 4", "u 192 5"},
		append([]any{"Flatten x = f", "MatMul f w = l", "MatMul f v = a", "MatMul f u = h", "Relu l = y"}, nodes...)...)
	m.Proto().Graph.Output = nil
	for _, name := range strings.Fields(outputs) {
		m.Proto().Graph.Output = append(m.Proto().Graph.Output, &onnxpb.ValueInfoProto{Name: proto.String(name)})
	}
	return m
}

func TestLogits(t *testing.T) {
	softmax := []any{"Softmax l = p", attribute("axis", 1), "Identity p = q", "Sigmoid a = s"}
	for _, c := range []struct {
		outputs, want string
		classes       int
		got           string // the result, or the error
	}{
		{"l", "", 4, "l [N,4]"},
		{"l", "", 10, "l [N,4]"},
		{"p", "", 4, "l [N,4], before the Softmax that yields the output p"},
		{"q", "", 4, "l [N,4], before the Softmax that yields the output q"},
		{"s", "", 4, "a [N,4], before the Sigmoid that yields the output s"},
		{"f l", "", 4, "l [N,4]"},
		{"p l", "", 4, "l [N,4], before the Softmax that yields the output p"},
		{"f p h", "", 5, "h [N,5]"},
		{"f p h", "", 6, "which output are the logits of 6 classes? --logits NAME tells, one of f [N,192]; l [N,4], " +
			"before the Softmax that yields the output p; h [N,5]"},
		{"l a", "", 4, "which output are the logits of 4 classes?"},
		{"l a", "a", 4, "a [N,4]"},
		{"l", "h", 4, "h [N,5]"},
		{"l", "", 0, "l [N,4]"},
		{"f l", "", 0, "which output are the logits? --logits NAME tells, one of f [N,192]; l [N,4]"},
		{"l", "x", 4, `logits "x": the graph has no such tensor of floats [N,classes]; candidates are l [N,4]`},
		{"x", "", 4, "want one of floats [N,classes]"},
	} {
		m := scores(t, c.outputs, softmax...)
		in, err := m.InputTensors(2, nil)
		if err != nil {
			t.Fatal(err)
		}
		l, err := m.Logits(in, c.want, c.classes)
		got := l.String()
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != c.got || !strings.Contains(got, c.got) {
			t.Errorf("outputs %s, want %q, %d classes: %s; want %s", c.outputs, c.want, c.classes, got, c.got)
		}
	}
	m := scores(t, "l a")
	m.SetMetadata("memprobe.logits", "a")
	in, err := m.InputTensors(2, nil)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := m.Logits(in, "", 4); err != nil || l.Name != "a" {
		t.Errorf("logits %q, error %v; the model records a", l.Name, err)
	}
}

// What lies between a Softmax and the output is seen through where it keeps the scores'
// order; where it does not, the line says what the output is computed from.
func TestLogitsBehindASoftmax(t *testing.T) {
	softmax := []any{"Softmax l = p", attribute("axis", 1)}
	before := func(op string) string { return "l [N,4], before the " + op + " that yields the output y" }
	after := func(op string) string { return "y [N,4], computed from the " + op + " of l" }
	wide := target("s", -1, 4, 1, 1)
	narrow := target("r", -1, 4)
	axes := func(v ...int64) []any {
		return []any{"Constant = axes", attribute("value", EncodeTensor("", tensor.From(v, len(v))))}
	}
	for name, c := range map[string]struct {
		want  string
		nodes []any
	}{
		"reshape": {before("Softmax"), join(softmax, narrow, "Reshape p r = y")},
		"flatten": {before("Softmax"), join(softmax, "Flatten p = y")},
		"log":     {before("Softmax"), join(softmax, "Log p = y")},
		"exp":     {before("LogSoftmax"), join("LogSoftmax l = p", attribute("axis", 1), "Exp p = y")},
		"clip":    {before("Softmax"), join(softmax, "Clip p low high = y")},
		"dropout": {before("Softmax"), join(softmax, "Dropout p = y")},
		"maps of 1x1": {before("Softmax"),
			join(wide, narrow, "Reshape l s = m", "Softmax m = p", attribute("axis", 1), "Reshape p r = y")},
		"turned": {before("Softmax"),
			join(wide, narrow, "Reshape l s = m", "Transpose m = n", attribute("perm", []int64{0, 3, 2, 1}),
				"Softmax n = p", attribute("axis", 3), "Transpose p = o", attribute("perm", []int64{0, 3, 2, 1}),
				"Reshape o r = y")},
		"written out": {before("Exp, divided by its sum,"),
			join(axes(1), "Exp l = e", "ReduceSum e axes = z", "Div e z = y")},
		"less its most": {before("Exp, divided by its sum,"),
			join(axes(1), "ReduceMax l = m", attribute("axes", []int64{1}), "Sub l m = d", "Exp d = e",
				"ReduceSum e axes = z", "Div e z = y")},
		"times":          {after("Softmax"), join(softmax, "Mul p low = y")},
		"negative":       {after("LogSoftmax"), join("LogSoftmax l = p", attribute("axis", 1), "Neg p = y")},
		"reversed":       {after("Sigmoid"), join("Sigmoid l = p", "Sub high p = y")},
		"over the batch": {after("Softmax"), join("Softmax l = y", attribute("axis", 0))},
		"a part": {"y [N,3], computed from the Softmax of l",
			join(softmax, axes(1), target("a", 0), target("b", 3), "Slice p a b axes = y")},
		"weights behind": {"y [N,5]", join(softmax, "MatMul p v = y")},
		"a gate":         {"y [N,4]", join("Sigmoid l = p", "Mul l p = y")},
	} {
		m := network(t, []string{"w 192 4", "v 4 5", "low", "high"},
			append([]any{"Flatten x = f", "MatMul f w = l"}, c.nodes...)...)
		in, err := m.InputTensors(2, nil)
		if err != nil {
			t.Fatal(err)
		}
		if l, err := m.Logits(in, "", 0); err != nil || l.String() != c.want {
			t.Errorf("%s: %s, error %v; want %s", name, l, err, c.want)
		}
		if l, err := m.Logits(in, "y", 0); err != nil || l.Name != "y" || l.Through+l.After != "" {
			t.Errorf("%s: the tensor that is named is %s, error %v", name, l, err)
		}
	}
}

// join joins lines and lists of them.
func join(lines ...any) (all []any) {
	for _, l := range lines {
		if many, ok := l.([]any); ok {
			all = append(all, many...)
		} else {
			all = append(all, l)
		}
	}
	return all
}

func TestTailIsDropped(t *testing.T) {
	ml := func(n *onnxpb.NodeProto) { n.Domain = proto.String("ai.onnx.ml") }
	for _, c := range []struct {
		outputs, kept, gone, why string
		nodes                    int
	}{
		{"l map", "l p", "map", `node "map" (ZipMap): `, 7},
		{"map", "p", "map", `node "map" (ZipMap): `, 7},
		{"l", "l", "", "", 7},
		{"label l", "l", "label", `node "label" (Unheard): `, 7},
		{"label", "label", "", "", 9}, // nothing else is left
	} {
		m := scores(t, c.outputs, "Softmax l = p", "ZipMap p = map", "ArgMax p = i", "Unheard i = label")
		ml(m.Nodes()[6])
		m.Proto().OpsetImport = append(m.Proto().OpsetImport,
			&onnxpb.OperatorSetIdProto{Domain: proto.String("ai.onnx.ml"), Version: proto.Int64(1)})
		gone, why := "", ""
		outputs, _ := m.DropTail()
		for _, l := range outputs {
			gone, why = l.Name, l.Err.Error()
		}
		if !strings.Contains(why, c.why) {
			t.Errorf("outputs %s: %q is gone for %q, want %q", c.outputs, gone, why, c.why)
		}
		var kept []string
		for _, v := range m.Outputs() {
			kept = append(kept, v.Name)
		}
		if got := strings.Join(kept, " "); got != c.kept || gone != c.gone || len(m.Nodes()) != c.nodes {
			t.Errorf("outputs %s: left %q with %d nodes, gone %q; want %q, %d, %q",
				c.outputs, got, len(m.Nodes()), gone, c.kept, c.nodes, c.gone)
		}
	}
}

// What a fault stands in the way of is told from what can be computed without it.
func TestBlame(t *testing.T) {
	m := scores(t, "y", "Reshape l w = bad", "Relu bad = worse", "Unheard a = b", "Add b l = sum", "Relu h = fine")
	in, err := m.InputTensors(2, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Compile(engine.Options{Inputs: in, Outputs: []string{}, Taps: []string{"fine"}})
	left, lost := m.Blame([]string{"worse", "l", "sum", "fine", "b"}, err)
	if got := strings.Join(left, " "); got != "l fine" {
		t.Errorf("left %s, want l fine: %v", got, err)
	}
	want := []string{"worse bad", "sum b", "b b"}
	for i, l := range lost {
		if name, node, _ := strings.Cut(want[i], " "); l.Name != name || !strings.Contains(l.Err.Error(), `node "`+node+`"`) {
			t.Errorf("%s is lost to %v, want node %s", l.Name, l.Err, node)
		}
	}
	if left, lost := m.Blame([]string{"l"}, errors.New("no node's")); len(left) != 1 || len(lost) != 0 {
		t.Errorf("left %v, lost %v", left, lost)
	}
}
