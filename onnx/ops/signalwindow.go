package ops

import (
	"math"

	"memprobe/internal/tensor"
)

// signalWindows are weights a₀ − a₁·cos(2πi/N) + a₂·cos(4πi/N) of N samples, or of N+1
// where they are not periodic.
var signalWindows = []Def{
	signalWindow("HannWindow", 0.5, 0.5, 0), signalWindow("HammingWindow", 25./46, 21./46, 0),
	signalWindow("BlackmanWindow", 0.42, 0.5, 0.08),
}

func signalWindow(op string, a0, a1, a2 float64) Def {
	return Def{Op: op, Since: 17, Attributes: "output_datatype:i periodic:i",
		NotDifferentiable: "its result depends on the size alone", Infer: func(n *Node) error {
			if err := n.Want(1, 1); err != nil {
				return err
			}
			size, err := n.known(0, "size")
			if err != nil {
				return err
			}
			d := castTypes[n.Int("output_datatype", 1)].dtype
			if len(size) != 1 || size[0] < 0 || d == tensor.Invalid {
				return n.Errorf("size is %v and output_datatype %d, want one size and a type", size, n.Int("output_datatype", 1))
			}
			return n.SetOut(0, d, size)
		}, Bind: func(n *Node, e *Env) (func(), error) {
			if err := n.need("the weights", 8*e.Out[0].Len()); err != nil {
				return nil, err
			}
			weights := tensor.New(tensor.Float64, e.Out[0].Shape...)
			w := weights.F64()
			period := float64(len(w))
			if n.Int("periodic", 1) == 0 {
				period = max(period-1, 1)
			}
			for i := range w {
				at := 2 * math.Pi * float64(i) / period
				w[i] = a0 - a1*math.Cos(at) + a2*math.Cos(2*at)
			}
			return castLoop(weights, e.Out[0], narrowing{}), nil
		}}
}
