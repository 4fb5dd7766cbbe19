package optim

import (
	"math"
	"slices"

	"memprobe/internal/kernel/vec"
)

// rule is an optimiser. A new one is a row of rules and its test.
type rule struct {
	name string
	// slots are the numbers of state a weight, by PyTorch's names for them.
	slots func(s Settings) []string
	// scale is what the gradient and the decay of a weight of two and more dimensions are
	// multiplied by, of the norms of weight and gradient, both above 0; nil: 1.
	scale func(s Settings, weight, gradient float64) float64
	// update moves the weights w of a chunk, and its state, by their gradient g.
	update func(o *Optimizer, c chunk, w, g []float32)
}

// rules is the table of the optimisers.
func rules() []rule {
	return []rule{
		{SGD, momentum, nil, (*Optimizer).sgd},
		{Adam, moments, nil, (*Optimizer).adam},
		{AdamW, moments, nil, (*Optimizer).adamW},
		{LARS, momentum, trust, (*Optimizer).lars},
	}
}

// Names are the optimisers.
func Names() []string {
	var names []string
	for _, r := range rules() {
		names = append(names, r.name)
	}
	return names
}

// ruleOf is the row of an optimiser. It panics if there is none, which Settings.Check says.
func ruleOf(name string) rule {
	all := rules()
	i := slices.IndexFunc(all, func(r rule) bool { return r.name == name })
	if i < 0 {
		panic("optim: no optimizer " + name)
	}
	return all[i]
}

func moments(Settings) []string { return []string{"exp_avg", "exp_avg_sq"} }

func momentum(s Settings) []string {
	if s.Momentum == 0 {
		return nil
	}
	return []string{"momentum_buffer"}
}

func trust(s Settings, weight, gradient float64) float64 {
	return s.Trust * weight / (gradient + s.WeightDecay*weight)
}

func (o *Optimizer) adam(c chunk, w, g []float32)  { o.adamStep(c, w, g, false) }
func (o *Optimizer) adamW(c chunk, w, g []float32) { o.adamStep(c, w, g, true) }

func (o *Optimizer) adamStep(c chunk, w, g []float32, decoupled bool) {
	vec.AdamStep(vec.Adam{LR: o.lr, Beta1: o.Beta1, Beta2: o.Beta2, Eps: o.Eps, WeightDecay: o.WeightDecay,
		GradScale: o.clip, Step: o.steps, Decoupled: decoupled}, w, g, o.state(0, c), o.state(1, c))
}

func (o *Optimizer) sgd(c chunk, w, g []float32) { o.sgdStep(c, w, g, o.clip, o.WeightDecay) }

func (o *Optimizer) lars(c chunk, w, g []float32) {
	decay := 0.0
	if o.adapts(c.param) {
		decay = o.WeightDecay * o.scale[c.param]
	}
	o.sgdStep(c, w, g, o.clip*o.scale[c.param], decay)
}

func (o *Optimizer) sgdStep(c chunk, w, g []float32, scale, decay float64) {
	var buffer []float32
	if o.Momentum != 0 {
		buffer = o.state(0, c)
	}
	vec.SGDStep(vec.SGD{LR: o.lr, Momentum: o.Momentum, Nesterov: o.Nesterov, WeightDecay: decay, GradScale: scale}, w,
		g, buffer)
}

// rescale computes from the sums of the chunks, added in their order, by what
// gradients are multiplied.
func (o *Optimizer) rescale() {
	total := 0.0
	for _, s := range o.square[0] {
		total += s
	}
	if norm := math.Sqrt(total); o.ClipNorm > 0 {
		o.clip = min(1, o.ClipNorm/(norm+1e-6))
	}
	if o.rule.scale == nil {
		return
	}
	for i := 0; i < len(o.chunks); {
		p := o.chunks[i].param
		g, w := 0.0, 0.0
		for ; i < len(o.chunks) && o.chunks[i].param == p; i++ {
			g += o.square[0][i]
			w += o.square[1][i]
		}
		g, w = o.clip*math.Sqrt(g), math.Sqrt(w)
		o.scale[p] = 1
		if o.adapts(p) && g > 0 && w > 0 {
			o.scale[p] = o.rule.scale(o.Settings, w, g)
		}
	}
}

// adapts reports whether a weight is one that scale is of, which LARS also decays alone.
func (o *Optimizer) adapts(param int) bool { return len(o.params[param].Value.Shape) > 1 }
