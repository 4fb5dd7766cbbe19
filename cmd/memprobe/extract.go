package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"memprobe/internal/fault"
	"memprobe/internal/glob"
	"memprobe/internal/npy"
	"memprobe/internal/parallel"
	"memprobe/internal/show"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/probe"
)

type extractOptions struct {
	data                      dataOptions
	probe                     probe.Options
	input, layers, split, out string
	threads                   int
	quiet                     bool
}

var extractCommand = command{
	name: "extract", args: "MODEL.onnx", about: "activations of chosen layers to .npz or .npy",
	example: "memprobe extract model.onnx --data cifar10 --layers blocks --pool avg --out acts.npz",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		o := extractOptions{probe: probe.DefaultOptions()}
		o.probe.Pooling = probe.None
		f.StringVar(&o.input, "input", "",
			"raw input tensors of the model's types instead of --data: .npz by input name, or .npy for a lone input")
		o.data.flags(f)
		f.StringVar(&o.split, "split", "train", "images of --data: train or test")
		f.StringVar(&o.layers, "layers", "outputs",
			"outputs, all, blocks, or tensor names as GLOB,… (* within slashes, ** past them)")
		probeFlags(f, &o.probe, "logits", "pool", "batch")
		f.StringVar(&o.out, "out", "", "file to write: .npz, or .npy for a single tensor")
		f.IntVar(&o.threads, "threads", 0, "threads; 0 means one a CPU")
		f.BoolVar(&o.quiet, "quiet", false, "no progress")
		return func(ctx context.Context, args []string, std streams) error {
			switch {
			case len(args) != 1:
				return usagef("want one MODEL.onnx, got %d arguments", len(args))
			case o.split != "train" && o.split != "test":
				return usagef("--split is %q, want train or test", o.split)
			case o.threads < 0:
				return usagef("--threads is %d, want 0 or more", o.threads)
			case !strings.HasSuffix(o.out, ".npz") && !strings.HasSuffix(o.out, ".npy"):
				return usagef("--out is %q, want a file that ends in .npz or .npy", o.out)
			case o.input != "" && o.ofData(f) != "":
				return usagef("--%s is of images from --data, --input %s gives tensors as they are: want one of them",
					o.ofData(f), o.input)
			}
			if source := o.overwritten(args[0]); source != "" {
				return usagef("--out %s is %s, which is read: want another file", o.out, source)
			}
			m, err := loadSubject(ctx, args[0])
			if err != nil {
				return err
			}
			m.tell(std)
			if o.input != "" {
				return extract(ctx, m, o, std)
			}
			return extractData(ctx, m, o, std)
		}
	},
}

// ofData is the first flag that is given and says something of images alone, or "".
func (o *extractOptions) ofData(f *pflag.FlagSet) (name string) {
	idle := []string{"input", "layers", "out", "threads", "quiet", "max-memory"}
	f.Visit(func(flag *pflag.Flag) {
		if name == "" && !slices.Contains(idle, flag.Name) {
			name = flag.Name
		}
	})
	return name
}

// overwritten is the file among those that are read which --out names too, or "".
func (o *extractOptions) overwritten(model string) string {
	out, err := os.Stat(o.out)
	if err != nil {
		return ""
	}
	_, data, _ := strings.Cut(o.data.spec, ":")
	for _, source := range []string{model, o.input, data, o.data.assigned, o.data.trainIndex} {
		if info, err := os.Stat(source); err == nil && os.SameFile(out, info) {
			return source
		}
	}
	return ""
}

// extract writes what given input tensors become.
func extract(ctx context.Context, m *subject, o extractOptions, std streams) error {
	given, err := feed(m, o.input)
	m.tell(std)
	if err != nil {
		return err
	}
	names, gone, err := chosen(m.Model, m.gone, "--layers", o.layers)
	if err != nil {
		return err
	}
	if strings.HasSuffix(o.out, ".npy") && len(names) != 1 {
		return usagef("--out %s holds one tensor, --layers chooses %d", o.out, len(names))
	}
	pool := parallel.New(o.threads)
	defer pool.Close()
	var s engine.Session
	_, lost, err := computable(m.Model, names, func(names []string) (err error) {
		s, err = m.Compile(engine.Options{Inputs: given, Outputs: []string{}, Taps: names, Pool: pool})
		return err
	})
	if err != nil {
		return err
	}
	for name, t := range given {
		if in := s.Input(name); in != nil {
			in.Copy(t)
		}
	}
	unwritable, err := writeTaps(ctx, o.out, s)
	if err != nil {
		return err
	}
	return reportLost(std.err, o.layers, slices.Concat(gone, lost, unwritable))
}

// feed reads a tensor for every input of the model from a file. The error lists all that
// are missing or of another type or shape.
func feed(m *subject, file string) (map[string]*tensor.Tensor, error) {
	inputs := m.Inputs()
	var wanted []string
	for _, in := range inputs {
		wanted = append(wanted, in.Name)
	}
	arrays, names, err := npy.Read(file, wanted)
	if err != nil {
		return nil, err
	}
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
		return nil, fault.Errorf(file, "%s; the file's arrays are %s", strings.Join(faults, "; "), show.List(names))
	}
	for _, s := range shapes {
		if len(inputs) == 1 && len(s) > 1 && s[0] != 1 {
			m.freeBatch(s[1:])
		}
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

// writeTaps runs the session and writes every tap as soon as it exists, but those of
// types that the format has not.
func writeTaps(ctx context.Context, path string, s engine.Session) (lost []onnx.Lost, err error) {
	w, err := npy.Create(path)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	arrays := make([]*npy.Array, len(s.Taps()))
	for i, t := range s.Taps() {
		if t.DType == tensor.Invalid { // the run will tell
			continue
		}
		if !npy.Holds(t.DType) {
			lost = append(lost, onnx.Lost{Name: t.Name, Err: fmt.Errorf("NumPy has no type for %v", t.DType)})
		} else if arrays[i], err = w.Array(t.Name, t.DType, t.Shape...); err != nil {
			return nil, err
		}
	}
	if len(lost) == len(arrays) {
		return nil, fault.Errorf(lost[0].Name, "%w", lost[0].Err)
	}
	var failed error
	err = s.Run(ctx, func(i int, t *tensor.Tensor) {
		if tap := s.Taps()[i]; failed == nil && tap.DType == tensor.Invalid && npy.Holds(t.DType) {
			arrays[i], failed = w.Array(tap.Name, t.DType, t.Shape...)
		}
		if failed == nil && arrays[i] != nil {
			failed = arrays[i].Append(t)
		}
	})
	if err := cmp.Or(err, failed); err != nil {
		return nil, err
	}
	return lost, w.Close()
}

// chosen resolves what a flag says to tensor names, in the order of the graph, and to
// those that the file has besides.
func chosen(m *onnx.Model, besides []onnx.Lost, flag, layers string) (names []string, gone []onnx.Lost, err error) {
	var all []string
	seen := map[string]bool{}
	for _, n := range m.Nodes() {
		for _, name := range n.Output {
			if name != "" && !seen[name] { // nodes may compute one twice, for Check to report
				all, seen[name] = append(all, name), true
			}
		}
	}
	switch layers {
	case "all":
		return all, besides, nil
	case "outputs":
		for _, v := range m.Outputs() {
			if !slices.Contains(names, v.Name) { // a file may list one twice
				names = append(names, v.Name)
			}
		}
		return names, nil, nil
	}
	globs := strings.Split(layers, ",")
	used := make([]bool, len(globs))
	matches := func(name string) (hit bool) {
		for i, g := range globs {
			if glob.Match(g, name) {
				used[i], hit = true, true
			}
		}
		return hit
	}
	for _, name := range all {
		if matches(name) {
			names = append(names, name)
		}
	}
	for _, l := range besides {
		if matches(l.Name) {
			gone = append(gone, l)
		}
	}
	if i := slices.Index(used, false); i >= 0 {
		return nil, nil, usagef("%s: no tensor matches %q; memprobe inspect lists them", flag, globs[i])
	}
	if len(names) == 0 {
		return nil, nil, fault.Wrap(m.Name(), gone[0].Err)
	}
	return names, gone, nil
}
