package onnx

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/onnx/engine"
)

// scores is a network of outputs that are a row an image: f [N,192], l [N,4], a [N,4]
// and h [N,5].
func scores(t *testing.T, outputs string, nodes ...any) *Model {
	t.Helper()
	m := network(t, []string{"w 192 4", "v 192 4", "u 192 5"}, append([]any{"Flatten x = f", "MatMul f w = l", "MatMul f v = a", "MatMul f u = h", "Relu l = y"}, nodes...)...)
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
		{"f p h", "", 6, "which output are the logits of 6 classes? --logits NAME tells, one of f [N,192]; l [N,4], before the Softmax that yields the output p; h [N,5]"},
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
		m.Proto().OpsetImport = append(m.Proto().OpsetImport, &onnxpb.OperatorSetIdProto{Domain: proto.String("ai.onnx.ml"), Version: proto.Int64(1)})
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
			t.Errorf("outputs %s: left %q with %d nodes, gone %q; want %q, %d, %q", c.outputs, got, len(m.Nodes()), gone, c.kept, c.nodes, c.gone)
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
