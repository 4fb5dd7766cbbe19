package onnx

import (
	"errors"
	"fmt"
	"slices"

	"memprobe/internal/onnxpb"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
	"memprobe/onnx/ops"
)

// FreeBatch opens the batch of a model whose lone input, of floats, fixes it at 1, as
// exporters do by default: it frees the input's first dimension and the targets of the
// Reshapes that fix it again, and repeats the constants that are joined to each image, such
// as class tokens. It is done where it is shown to be right: a batch of two random images,
// of the given shape, must give what each of them gives alone. It reports
// whether the batch is open now and was not before; the error says why it could not be
// opened, and the model is then as it was.
func (m *Model) FreeBatch(image []int, pool *parallel.Pool) (freed bool, err error) {
	in := m.Inputs()
	if len(in) != 1 || in[0].DType() != tensor.Float32 || len(in[0].Shape) < 2 || in[0].Shape[0].Size != 1 {
		return false, nil
	}
	c := m.Clone()
	f := freeing{fixed: m, open: c, input: in[0].Name, image: image, pool: pool}
	f.openInput(in[0])
	if err := f.openNodes(); err != nil {
		return false, err
	}
	if err := f.openRecords(); err != nil {
		return false, err
	}
	*m = *c
	return true, nil
}

// freeing opens the batch of a model's copy.
type freeing struct {
	fixed, open *Model
	input       string
	image       []int
	pool        *parallel.Pool
	symbol      string // of the batch
}

// openInput gives the input's first dimension a symbol of its own.
func (f *freeing) openInput(in Value) {
	f.symbol = "batch"
	for slices.ContainsFunc(in.Shape, func(d Dim) bool { return d.Param == f.symbol }) {
		f.symbol += "_"
	}
	for _, v := range f.open.proto.Graph.Input {
		if v.GetName() == f.input {
			v.Type.GetTensorType().Shape.Dim[0] = symbolic(f.symbol)
		}
	}
}

func symbolic(name string) *onnxpb.TensorShapeProto_Dimension {
	d := &onnxpb.TensorShapeProto_Dimension{}
	if name != "" {
		d.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: name}
	}
	return d
}

// values infers the tensors of a model for a batch; the error is of what could not be.
func (f *freeing) values(m *Model, batch int) (map[string]*ops.Value, error) {
	inputs, err := m.InputTensors(batch, map[string][]int{f.input: slices.Concat([]int{batch}, f.image)})
	if err != nil {
		return nil, err
	}
	g, err := m.Graph()
	if err != nil {
		return nil, err
	}
	return m.Infer(g, inputs)
}

// tolerance is what part of its scale a result may differ by for another batch, which
// sums in another order.
const tolerance = 1e-6

// verify compares every output that is a row an image for two images with what the
// images give alone.
func (f *freeing) verify() error {
	size := tensor.Len(f.image)
	pixels := tensor.New(tensor.Float32, slices.Concat([]int{2}, f.image)...)
	r := rng.New(0, rng.Metric)
	for i := range pixels.F32() {
		pixels.F32()[i] = float32(r.Normal()) * float32(1+3*(i/size)) // of two contrasts
	}
	both, err := f.run(f.open, pixels.F32(), 2)
	if err != nil {
		return err
	}
	differ := false
	for i := range 2 {
		alone, err := f.run(f.fixed, pixels.F32()[i*size:(i+1)*size], 1)
		if err != nil {
			return err
		}
		for name, want := range alone {
			got := both[name]
			if len(got) != 2*len(want) {
				return fmt.Errorf("output %q has %d elements for a batch of 2, %d for 1", name, len(got), len(want))
			}
			other := got[(1-i)*len(want) : (2-i)*len(want)]
			if !near(got[i*len(want):(i+1)*len(want)], want, tolerance) {
				return fmt.Errorf("output %q of an image depends on the others of its batch", name)
			}
			differ = differ || !near(other, want, 10*tolerance)
		}
	}
	if !differ {
		return errors.New("two random images give the same, which shows nothing")
	}
	return nil
}

// near reports whether all elements differ by at most a part of the greatest one.
func near(got, want []float32, part float64) bool {
	scale := 0.0
	for _, v := range want {
		scale = max(scale, float64(v), -float64(v))
	}
	for i, v := range got {
		if d := float64(v) - float64(want[i]); !(d <= part*scale && -d <= part*scale) {
			return false
		}
	}
	return true
}

// run returns the model's outputs of floats for a batch of pixels.
func (f *freeing) run(m *Model, pixels []float32, batch int) (map[string][]float32, error) {
	inputs, err := m.InputTensors(batch, map[string][]int{f.input: slices.Concat([]int{batch}, f.image)})
	if err != nil {
		return nil, err
	}
	s, err := m.Compile(engine.Options{Inputs: inputs, Pool: f.pool})
	if err != nil {
		return nil, err
	}
	in := s.Input(f.input)
	in.Copy(tensor.From(pixels, in.Shape...))
	if err := s.Run(m.context(), nil); err != nil {
		return nil, err
	}
	out := map[string][]float32{}
	for _, v := range m.Outputs() {
		if t := s.Output(v.Name); t != nil && t.DType == tensor.Float32 {
			out[v.Name] = slices.Clone(t.F32())
		}
	}
	return out, nil
}

// openRecords opens the dimensions that grow with the batch in what the file says of
// outputs and of tensors inside the graph.
func (f *freeing) openRecords() error {
	one, err := f.values(f.fixed, 1)
	if err != nil {
		return err
	}
	two, err := f.values(f.open, 2)
	if err != nil {
		return err
	}
	g := f.open.proto.Graph
	for _, v := range slices.Concat(g.Output, g.ValueInfo) {
		shape := v.GetType().GetTensorType().GetShape()
		a, b := one[v.GetName()], two[v.GetName()]
		if shape == nil || a == nil || b == nil || len(a.Shape) != len(shape.Dim) || len(b.Shape) != len(shape.Dim) {
			continue
		}
		for i := range shape.Dim {
			switch {
			case a.Shape[i] == b.Shape[i]:
			case a.Shape[i] == 1:
				shape.Dim[i] = symbolic(f.symbol)
			default:
				shape.Dim[i] = symbolic("")
			}
		}
	}
	return nil
}
