package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"memprobe/internal/show"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/probe"
	"memprobe/train/dataset"
)

var inspectCommand = command{
	name: "inspect", args: "MODEL.onnx", about: "layers, shapes, parameters, multiply-adds, every unsupported part",
	example: "memprobe inspect model.onnx --batch 1",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		batch := f.Int("batch", 1, "size of a symbolic batch dimension")
		shape := f.IntSlice("shape", nil, "shape of the input, where the file leaves sizes open: 1,3,224,224")
		weights := f.Bool("weights", false,
			"instead list what training would change, by the names that train --freeze matches")
		logits := f.String("logits", "", "tensor that --weights has trained; default: the lone output, before any Softmax")
		asJSON := f.Bool("json", false, "print JSON")
		return func(ctx context.Context, args []string, std streams) error {
			if len(args) != 1 {
				return usagef("want one MODEL.onnx, got %d arguments", len(args))
			}
			if *batch < 1 {
				return usagef("--batch is %d, want at least 1", *batch)
			}
			if f.Changed("shape") && f.Changed("batch") && (len(*shape) == 0 || (*shape)[0] != *batch) {
				return usagef("--batch %d and --shape %v: want one of them", *batch, *shape)
			}
			m, err := onnx.Load(args[0])
			if err != nil {
				return err
			}
			m.Until(ctx)
			var given map[string][]int
			if in := m.Inputs(); f.Changed("shape") && len(in) > 0 {
				given = map[string][]int{in[0].Name: *shape}
			}
			if *weights {
				return inspectWeights(ctx, std, m, *batch, given, *logits, *asJSON)
			}
			s := m.Inspect(*batch, given)
			roles, err := rolesOf(m, s, *batch, given)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil && len(s.Problems) == 0 { // a problem of the model says more
				s.Notes = append(s.Notes, "no blocks are marked: "+err.Error())
			}
			if *asJSON {
				err = inspectJSON(std, m, s, roles)
			} else {
				err = inspectTable(std, m, s, roles)
			}
			if err != nil {
				return err
			}
			if len(s.Problems) == 0 {
				return nil
			}
			err = engine.Problems(s.Problems)
			if errors.Is(s.Problems[0], onnx.ErrNotAsked) {
				err = fmt.Errorf("%w; --shape N,C,H,W gives the sizes", err)
			}
			return err
		}
	},
}

func inspectTable(std streams, m *onnx.Model, s *onnx.Summary, roles map[string]string) error {
	for _, v := range m.Inputs() {
		fmt.Fprintln(std.out, "input ", show.Name(v.String()))
	}
	for _, v := range m.Outputs() {
		fmt.Fprintln(std.out, "output", show.Name(v.String()))
	}
	fmt.Fprintf(std.out, "opset %d, IR %d\n\n", m.Opset(""), m.IRVersion())
	w := tabwriter.NewWriter(std.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "output\toperator\tshape\tparameters\tmultiply-adds\tblock")
	for _, l := range s.Layers {
		if l.Constant {
			continue
		}
		shape := "?"
		if len(l.Shapes) > 0 && l.Shapes[0] != nil {
			shape = fmt.Sprint(l.Shapes[0])
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", strings.Join(show.Names(l.Outputs), " "), show.Name(l.Op), shape,
			l.Parameters, l.MultiplyAdds, roleOf(l, roles))
	}
	fmt.Fprintf(w, "total\t\t\t%d\t%d\n", s.Parameters, s.MultiplyAdds)
	if err := w.Flush(); err != nil {
		return err
	}
	if err := blockTable(std, s, roles); err != nil {
		return err
	}
	for _, note := range s.Notes {
		fmt.Fprintln(std.out, "note:", show.Line(note))
	}
	return nil
}

// roleOf is the role of a node's outputs.
func roleOf(l onnx.Layer, roles map[string]string) string {
	for _, name := range l.Outputs {
		if roles[name] != "" {
			return roles[name]
		}
	}
	return ""
}

// rolesOf are the roles of the tensors that --layers blocks picks, by name. The error says
// why the model cannot be probed.
func rolesOf(m *onnx.Model, s *onnx.Summary, batch int, given map[string][]int) (map[string]string, error) {
	var sample []dataset.Array
	for name, shape := range given { // at most one: --shape
		if len(shape) < 2 {
			return nil, fmt.Errorf("--shape %v has a batch alone", shape)
		}
		batch, sample = shape[0], []dataset.Array{{Name: name, Shape: shape[1:]}}
	}
	layers, err := probe.LayersOf(m, s, batch, sample, "", 0)
	if err != nil {
		return nil, err
	}
	roles := map[string]string{}
	for _, l := range layers {
		if l.Role != "" {
			roles[l.Name] = l.Role
		}
	}
	return roles, nil
}

// blockTable sums up the operators between each tensor that --layers blocks picks and the
// one before.
func blockTable(std streams, s *onnx.Summary, roles map[string]string) error {
	if len(roles) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(std.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "\nblock ends at\trole\toperators\tparameters\tmultiply-adds")
	var operators, parameters, multiplyAdds int64
	for _, l := range s.Layers {
		if l.Constant {
			continue
		}
		operators, parameters, multiplyAdds = operators+1, parameters+l.Parameters, multiplyAdds+l.MultiplyAdds
		for _, name := range l.Outputs {
			if roles[name] != "" {
				fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\n", show.Name(name), roles[name], operators, parameters, multiplyAdds)
				operators, parameters, multiplyAdds = 0, 0, 0
			}
		}
	}
	return w.Flush()
}

// inspectWeights lists the trainable initialisers and the running statistics.
func inspectWeights(ctx context.Context, std streams, m *onnx.Model, batch int, given map[string][]int, want string,
	asJSON bool) error {
	runnable(ctx, m, m.Name())
	if err := m.BeforeTraining(); err != nil {
		return err
	}
	g, err := m.Graph()
	if err != nil {
		return err
	}
	in, err := m.InputTensors(batch, given)
	if err != nil {
		return err
	}
	logits, err := m.Logits(in, want, 0)
	if err != nil {
		return err
	}
	params, buffers, err := m.Trainable(g, engine.TrainOptions{Inputs: in, Logits: logits.Name})
	if err != nil {
		return err
	}
	known, err := m.Parameters()
	if err != nil {
		return err
	}
	byName := map[string]onnx.Parameter{}
	for _, p := range known {
		byName[p.Name] = p
	}
	type weight struct {
		Name     string     `json:"name"`
		Shape    []int      `json:"shape"`
		Elements int        `json:"elements"`
		Role     string     `json:"role"`
		Kind     onnx.Role  `json:"kind"`
		Place    onnx.Place `json:"place"`
	}
	list, tensors := []weight{}, g.Weights()
	for i, name := range slices.Concat(params, buffers) {
		role := "trained"
		if i >= len(params) {
			role = "running statistic"
		}
		list = append(list, weight{name, tensors[name].Shape, tensors[name].Len(), role, byName[name].Role,
			byName[name].Place})
	}
	for _, p := range known {
		if p.Role == onnx.Quantised {
			list = append(list, weight{p.Name, p.Shape, tensor.Len(p.Shape), "not trained", p.Role, p.Place})
		}
	}
	if asJSON {
		e := json.NewEncoder(std.out)
		e.SetIndent("", " ")
		return e.Encode(struct {
			Schema  string   `json:"schema"`
			Weights []weight `json:"weights"`
		}{"memprobe.weights/1", list})
	}
	w := tabwriter.NewWriter(std.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "weight\tshape\telements\trole\tkind\tplace")
	for _, v := range list {
		fmt.Fprintf(w, "%s\t%v\t%d\t%s\t%s\t%s\n", show.Name(v.Name), v.Shape, v.Elements, v.Role, v.Kind, v.Place)
	}
	return w.Flush()
}

func inspectJSON(std streams, m *onnx.Model, s *onnx.Summary, roles map[string]string) error {
	type layer struct {
		Name         string   `json:"name"`
		Op           string   `json:"op"`
		Inputs       []string `json:"inputs"`
		Outputs      []string `json:"outputs"`
		Shapes       [][]int  `json:"shapes"`
		Parameters   int64    `json:"parameters"`
		MultiplyAdds int64    `json:"multiply_adds"`
		Role         string   `json:"role,omitempty"` // of what --layers blocks picks
	}
	v := struct {
		Schema       string            `json:"schema"`
		Opset        int64             `json:"opset"`
		Metadata     map[string]string `json:"metadata,omitempty"`
		Parameters   int64             `json:"parameters"`
		MultiplyAdds int64             `json:"multiply_adds"`
		Layers       []layer           `json:"layers"`
		Problems     []string          `json:"problems"`
		Notes        []string          `json:"notes,omitempty"`
	}{Schema: "memprobe.inspect/1", Opset: m.Opset(""), Metadata: m.MetadataAll(), Parameters: s.Parameters,
		MultiplyAdds: s.MultiplyAdds, Problems: []string{}, Notes: s.Notes}
	for _, l := range s.Layers {
		v.Layers = append(v.Layers, layer{l.Name, l.Op, l.Inputs, l.Outputs, l.Shapes, l.Parameters, l.MultiplyAdds,
			roleOf(l, roles)})
	}
	for _, p := range s.Problems {
		v.Problems = append(v.Problems, p.Error())
	}
	e := json.NewEncoder(std.out)
	e.SetIndent("", " ")
	return e.Encode(v)
}
