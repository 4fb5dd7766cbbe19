package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"memprobe/internal/fault"
	"memprobe/internal/glob"
	"memprobe/internal/npy"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/probe"
)

type extractOptions struct {
	data                            dataOptions
	input, layers, pool, split, out string
	batch, threads                  int
	quiet                           bool
}

var extractCommand = command{
	name: "extract", args: "MODEL.onnx", about: "activations of chosen layers to .npz or .npy",
	example: "memprobe extract model.onnx --data cifar10 --layers blocks --pool avg --out acts.npz",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var o extractOptions
		f.StringVar(&o.input, "input", "", "raw input tensors of the model's types instead of --data: .npz by input name, or .npy for a lone input")
		o.data.flags(f)
		f.StringVar(&o.split, "split", "train", "images of --data: train or test")
		f.StringVar(&o.layers, "layers", "outputs", "outputs, all, blocks, or tensor names as GLOB,… (* within slashes, ** past them)")
		f.StringVar(&o.pool, "pool", "none", "how the activations of an image are pooled: none, avg, max, flatten")
		f.StringVar(&o.out, "out", "", "file to write: .npz, or .npy for a single tensor")
		f.IntVar(&o.batch, "batch", 64, "images a pass")
		f.IntVar(&o.threads, "threads", 0, "threads; 0 means one a CPU")
		f.BoolVar(&o.quiet, "quiet", false, "no progress")
		return func(ctx context.Context, args []string, std streams) error {
			pooling, err := probe.ParsePooling(o.pool)
			switch {
			case len(args) != 1:
				return usagef("want one MODEL.onnx, got %d arguments", len(args))
			case err != nil:
				return usagef("--pool: %v", err)
			case o.split != "train" && o.split != "test":
				return usagef("--split is %q, want train or test", o.split)
			case o.batch < 1 || o.threads < 0:
				return usagef("--batch %d, --threads %d: want positive numbers", o.batch, o.threads)
			case !strings.HasSuffix(o.out, ".npz") && !strings.HasSuffix(o.out, ".npy"):
				return usagef("--out is %q, want a file that ends in .npz or .npy", o.out)
			case o.input != "" && f.Changed("data"):
				return usagef("--input %s and --data %s: want one of them", o.input, o.data.spec)
			case o.input != "" && pooling != probe.None:
				return usagef("--pool %s wants images from --data, --input gives tensors", o.pool)
			}
			m, err := loadSubject(args[0])
			if err != nil {
				return err
			}
			if o.input != "" {
				return extract(ctx, m.Model, o)
			}
			return extractData(ctx, m, o, pooling, std)
		}
	},
}

// extract writes what given input tensors become.
func extract(ctx context.Context, m *onnx.Model, o extractOptions) error {
	given, err := feed(m, o.input)
	if err != nil {
		return err
	}
	names, err := chosen(m, "--layers", o.layers)
	if err != nil {
		return err
	}
	m.Keep(names)
	if strings.HasSuffix(o.out, ".npy") && len(names) != 1 {
		return usagef("--out %s holds one tensor, --layers chooses %d", o.out, len(names))
	}
	pool := parallel.New(o.threads)
	defer pool.Close()
	s, err := m.Compile(engine.Options{Inputs: given, Outputs: []string{}, Taps: names, Pool: pool})
	if err != nil {
		return err
	}
	for name, t := range given {
		if in := s.Input(name); in != nil {
			in.Copy(t)
		}
	}
	return writeTaps(ctx, o.out, s)
}

// feed reads a tensor for every input of the model from a file. The error lists all that
// are missing or of another type or shape.
func feed(m *onnx.Model, file string) (map[string]*tensor.Tensor, error) {
	arrays, err := npy.Read(file)
	if err != nil {
		return nil, err
	}
	inputs := m.Inputs()
	if v, lone := arrays[""]; lone && len(inputs) == 1 {
		arrays = map[string]*npy.Values{inputs[0].Name: v}
	}
	given, shapes := map[string]*tensor.Tensor{}, map[string][]int{}
	var faults []string
	for _, in := range inputs {
		switch v := arrays[in.Name]; {
		case v == nil:
			faults = append(faults, fmt.Sprintf("has no array for the model's input %v", in))
		case !carries(v.Type, in.Elem):
			faults = append(faults, fmt.Sprintf("array %q is %s, want one for the model's input %v", in.Name, v.Type, in))
		default:
			given[in.Name], shapes[in.Name] = v.Tensor, v.Shape
		}
	}
	if faults != nil {
		names := slices.Sorted(maps.Keys(arrays))
		return nil, fault.Errorf(file, "%s; the file's arrays are %q", strings.Join(faults, "; "), names)
	}
	_, err = m.InputShapes(1, shapes)
	return given, err
}

// carries reports whether arrays of NumPy's type hold the elements of an ONNX type. The
// engine computes half precision in float32, so that it takes both.
func carries(numpy string, elem onnx.DataType) bool {
	switch d := onnx.DType(elem); {
	case d == tensor.Float32:
		return numpy == "float32" || numpy == "float16" && onnx.IsHalf(elem)
	default:
		return d != tensor.Invalid && numpy == d.String()
	}
}

// writeTaps runs the session and writes every tap as soon as it exists.
func writeTaps(ctx context.Context, path string, s *engine.Session) error {
	w, err := npy.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	arrays := make([]*npy.Array, len(s.Taps()))
	for i, t := range s.Taps() {
		if arrays[i], err = w.Array(t.Name, t.DType, t.Shape...); err != nil {
			return err
		}
	}
	var failed error
	err = s.Run(ctx, func(i int, t *tensor.Tensor) {
		if failed == nil {
			failed = arrays[i].Append(t)
		}
	})
	if err := cmp.Or(err, failed); err != nil {
		return err
	}
	return w.Close()
}

// chosen resolves what a flag says to tensor names, in the order of the graph.
func chosen(m *onnx.Model, flag, layers string) ([]string, error) {
	var all, out []string
	for _, n := range m.Nodes() {
		for _, name := range n.Output {
			if name != "" {
				all = append(all, name)
			}
		}
	}
	switch layers {
	case "all":
		return all, nil
	case "outputs":
		for _, v := range m.Outputs() {
			if !slices.Contains(out, v.Name) { // a file may list one twice
				out = append(out, v.Name)
			}
		}
		return out, nil
	}
	globs := strings.Split(layers, ",")
	used := make([]bool, len(globs))
	for _, name := range all {
		hit := false
		for i, g := range globs {
			if glob.Match(g, name) {
				used[i], hit = true, true
			}
		}
		if hit {
			out = append(out, name)
		}
	}
	if i := slices.Index(used, false); i >= 0 {
		return nil, usagef("%s: no tensor matches %q; memprobe inspect lists them", flag, globs[i])
	}
	return out, nil
}
