package augment

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Pipeline is a list of operations that are applied in order. The nil and the
// empty pipeline change nothing.
type Pipeline struct{ steps []step }

// step is an operation and the values of its parameters: two of a range, one of
// any other, in the order of the operation's list.
type step struct {
	op     *operation
	values []float64
}

// param is a parameter of an operation.
type param struct {
	name     string
	def      []float64 // one value, or the two ends of a range
	min, max float64   // what a value may be
	integer  bool
}

func (p *param) isRange() bool { return len(p.def) == 2 }

// Parse reads the name of a preset (see [Presets]), rand:S with a strength S in
// [0,1], or a pipeline as [Pipeline.String] prints it, where parameters left out
// have their defaults.
func Parse(spec string) (*Pipeline, error) {
	text, err := expand(spec)
	if err != nil {
		return nil, fmt.Errorf("augment %q: %w", spec, err)
	}
	p := new(Pipeline)
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		var s step
		if s, rest, err = parseStep(rest); err != nil {
			return nil, fmt.Errorf("augment %q: %w", spec, err)
		}
		p.steps = append(p.steps, s)
	}
	return p, nil
}

// parseStep reads the first operation of a text.
func parseStep(text string) (s step, rest string, err error) {
	end := strings.IndexAny(text, " (")
	if end < 0 {
		end = len(text)
	}
	name, rest := text[:end], text[end:]
	if s.op = lookup(name); s.op == nil {
		return s, "", fmt.Errorf("%q is neither a preset (%s, rand:S) nor an operation (%s)",
			name, strings.Join(Presets(), ", "), strings.Join(operationNames(), ", "))
	}
	var args string
	if strings.HasPrefix(rest, "(") {
		var closed bool
		if args, rest, closed = strings.Cut(rest[1:], ")"); !closed {
			return s, "", fmt.Errorf("%s: ) is missing", name)
		}
	}
	if s.values, err = s.op.parse(args); err != nil {
		return s, "", fmt.Errorf("%s: %w", name, err)
	}
	return s, rest, nil
}

// parse reads key=value,… into the values of all parameters.
func (o *operation) parse(args string) ([]float64, error) {
	given := make([][]float64, len(o.params))
	for i := range o.params {
		given[i] = o.params[i].def
	}
	if strings.TrimSpace(args) != "" {
		for _, arg := range strings.Split(args, ",") {
			key, value, ok := strings.Cut(strings.TrimSpace(arg), "=")
			i := o.index(key)
			if !ok || i < 0 {
				return nil, fmt.Errorf("%q, want name=value with a name of %s", arg, o.paramNames())
			}
			v, err := o.params[i].parse(value)
			if err != nil {
				return nil, fmt.Errorf("%s=%s: %w", key, value, err)
			}
			given[i] = v
		}
	}
	var values []float64
	for _, v := range given {
		values = append(values, v...)
	}
	return values, nil
}

// parse reads a number, or a range lo:hi.
func (p *param) parse(text string) ([]float64, error) {
	parts := []string{text}
	if p.isRange() {
		if parts = strings.Split(text, ":"); len(parts) != 2 {
			return nil, fmt.Errorf("want a range lo:hi")
		}
	}
	v := make([]float64, len(parts))
	for i, part := range parts {
		var err error
		if v[i], err = strconv.ParseFloat(part, 64); err != nil {
			return nil, fmt.Errorf("%q is not a number", part)
		}
		if !(v[i] >= p.min && v[i] <= p.max) {
			return nil, fmt.Errorf("want %v to %v", p.min, p.max)
		}
		if p.integer && v[i] != math.Trunc(v[i]) {
			return nil, fmt.Errorf("want an integer")
		}
	}
	if p.isRange() && v[0] > v[1] {
		return nil, fmt.Errorf("want the lower end first")
	}
	return v, nil
}

// String prints the pipeline with all its parameters; "none" if it is empty.
func (p *Pipeline) String() string {
	if p == nil || len(p.steps) == 0 {
		return "none"
	}
	text := make([]string, len(p.steps))
	for i, s := range p.steps {
		text[i] = s.String()
	}
	return strings.Join(text, " ")
}

func (s step) String() string {
	var args []string
	v := s.values
	for _, p := range s.op.params {
		value := strconv.FormatFloat(v[0], 'g', -1, 64)
		if p.isRange() {
			value += ":" + strconv.FormatFloat(v[1], 'g', -1, 64)
		}
		args = append(args, p.name+"="+value)
		v = v[len(p.def):]
	}
	return s.op.name + "(" + strings.Join(args, ",") + ")"
}

// Notes says, a line each, which operations act in another way, or not at all, on
// images of that many channels.
func (p *Pipeline) Notes(channels int) []string {
	if p == nil || channels != 1 {
		return nil
	}
	var notes []string
	for _, s := range p.steps {
		if s.op.grey != "" {
			notes = append(notes, fmt.Sprintf("greyscale images: %s %s", s.op.name, s.op.grey))
		}
	}
	return notes
}

// presets are the pipelines that have a name.
func presets() [][2]string {
	const (
		crop   = "resized-crop(scale=0.08:1,ratio=0.75:1.3333333333333333)"
		flip   = "hflip(p=0.5)"
		turn   = "affine(degrees=0:180,translate=0.2)"
		jitter = "jitter(brightness=0.8,contrast=0.8,saturation=0.8,hue=0.2,p=0.8)"
		mild   = "jitter(brightness=0.4,contrast=0.4,saturation=0.4,hue=0.1,p=0.8)"
		grey   = "grayscale(p=0.2)"
		blur   = "blur(kernel=3,sigma=0.1:2,p=0.3)"
		erase  = "erase(scale=0.02:0.33,ratio=0.3:3.3,value=0,p=0.5)"
	)
	list := func(ops ...string) string { return strings.Join(ops, " ") }
	return [][2]string{
		{"none", ""},
		{"full", list(crop, flip, jitter, grey)},
		{"crop-flip", list("crop(pad=4)", flip)},
		{"colour", list(mild, grey)},
		{"crop-flip-colour", list("crop(pad=4)", flip, mild, grey)},
		{"isometry", list(flip, turn)},
		{"full-rotations", list(crop, flip, turn, jitter, grey)},
		{"most-difficult", list(crop, flip, "vflip(p=0.5)", turn, jitter, blur, grey, erase)},
	}
}

// Presets are the names that [Parse] knows, besides rand:S.
func Presets() []string {
	var names []string
	for _, p := range presets() {
		names = append(names, p[0])
	}
	return names
}

// expand returns the text of a preset, or of rand:S: RandAugment with ⌊10S/3⌋+1
// operations at magnitude min(⌊100S⌋, 99) of 100 bins. Any other text is returned
// as it is.
func expand(spec string) (string, error) {
	for _, p := range presets() {
		if p[0] == spec {
			return p[1], nil
		}
	}
	strength, ok := strings.CutPrefix(spec, "rand:")
	if !ok {
		if strings.TrimSpace(spec) == "" {
			return "", fmt.Errorf("want a preset (%s, rand:S) or a list of operations", strings.Join(Presets(), ", "))
		}
		return spec, nil
	}
	s, err := strconv.ParseFloat(strength, 64)
	if err != nil || !(s >= 0 && s <= 1) {
		return "", fmt.Errorf("want rand:S with a strength S from 0 to 1")
	}
	// 1e-9 keeps a product such as 100·0.29 from falling below the integer it means.
	count, magnitude := int(10*s/3+1e-9)+1, min(int(100*s+1e-9), 99)
	return fmt.Sprintf("randaugment(ops=%d,magnitude=%d,bins=100)", count, magnitude), nil
}
