package train

import (
	"math"
	"slices"
	"strings"

	"memprobe/internal/kernel/vec"
	"memprobe/onnx/engine"
)

// The losses.
const (
	CE  = "ce"
	MSE = "mse"
)

// loss is what training may minimise. A new one is a row of losses, its operator in
// onnx/ops, and their tests.
type loss struct {
	name, help string
	engine     engine.Loss
	// row is the loss of logits x against a target, of one sample; scratch is as long as x.
	row func(x, target, scratch []float32) float64
}

// losses is the table of the losses.
func losses() []loss {
	return []loss{
		{CE, "ce (cross-entropy)", engine.CrossEntropy, crossEntropy},
		{MSE, "mse (mean squared error on one-hot targets)", engine.MSE, squaredError},
	}
}

func lossNames() []string {
	var names []string
	for _, l := range losses() {
		names = append(names, l.name)
	}
	return names
}

func lossHelp() string {
	var help []string
	for _, l := range losses() {
		help = append(help, l.help)
	}
	return strings.Join(help, " or ")
}

// lossOf is the row of a name that Config.Check has seen.
func lossOf(name string) loss { return losses()[slices.Index(lossNames(), name)] }

// crossEntropy is -Σ target·ln softmax(x).
func crossEntropy(x, target, scratch []float32) float64 {
	top := vec.MaxOf(x)
	picked, total := 0.0, 0.0 // Σ target·(x-top), Σ target
	for k, t := range target {
		if t != 0 {
			picked += float64(t) * (float64(x[k]) - float64(top))
			total += float64(t)
		}
	}
	return total*math.Log(vec.Of[float32]().ExpSum(scratch, x, top)) - picked
}

// squaredError is the mean of (x-target)².
func squaredError(x, target, scratch []float32) float64 {
	vec.Sub(scratch, x, target)
	return vec.SumSq(scratch) / float64(len(x))
}
