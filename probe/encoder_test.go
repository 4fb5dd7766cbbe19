package probe

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/train/dataset"
)

// sentences are n samples of the arrays of an encoder: words of a class of their own among
// others, ended by padding.
type sentences struct {
	n    int
	seed int
}

var sentenceArrays = []dataset.Array{{Name: "input_ids", Shape: []int{tokensT}, Integer: true},
	{Name: "attention_mask", Shape: []int{tokensT}, Integer: true},
	{Name: "token_type_ids", Shape: []int{tokensT}, Integer: true}}

func (s sentences) N() int          { return s.n }
func (s sentences) Label(i int) int { return i % kinds }

func (s sentences) Float32(dst []float32, i int) {
	length := 2 + (i*7+s.seed)%(tokensT-1)
	for t := range tokensT {
		word, mask, kind := 0, 0, 0
		if t < length {
			word, mask, kind = 4+(i*i+5*t+s.seed)%(vocabulary-4), 1, t%2
			if t == i%length {
				word = 1 + s.Label(i)
			}
		}
		dst[t], dst[tokensT+t], dst[2*tokensT+t] = float32(word), float32(mask), float32(kind)
	}
}

func sentenceData(train, test int) Data {
	return Data{Train: sentences{train, 1}, Test: sentences{test, 2}, Classes: []string{"ham", "news", "spam"},
		Shape: []int{3 * tokensT}, Arrays: sentenceArrays}
}

// The blocks of an encoder end after attention and after the MLP, where it normalises; the
// mask and the kinds of token do not hide them.
func TestLayersOfEncoder(t *testing.T) {
	for name, c := range map[string]struct {
		head  func(*builder) []string
		roles map[string]string
		pool  Pooling
		why   string
	}{
		"tokens": {ofTokens, map[string]string{"embedded": Block, "block0.middle": Block, "block0": Block,
			"block1.middle": Block, "last": Embedding}, Mean,
			"the network ends in 6 tokens: their mean is taken"},
		"mean": {meanHead, map[string]string{"embedded": Block, "block0.middle": Block, "block0": Block,
			"block1.middle": Block, "sentence": Embedding, "scores": Logits}, Mean,
			`the head reads the mean of 6 tokens: ReduceSum "total/node"`},
		"class token": {classHead, map[string]string{"embedded": Block, "block0.middle": Block, "block0": Block,
			"block1.middle": Block, "token": Embedding, "pooler": Projector, "scores": Logits},
			Token(0), `the head reads the cls of 6 tokens: Gather "first/node"`},
	} {
		layers, err := Layers(encoder(t, c.head), 4, sentenceArrays, "", kinds)
		if err != nil {
			t.Fatal(err)
		}
		roles := map[string]string{}
		for _, l := range layers {
			if l.Role != "" {
				roles[l.Name] = l.Role
			}
			if l.Name == "block0" && (l.Pool != c.pool || l.Reads != c.why) {
				t.Errorf("%s: pooled by %v, %q; want %v, %q", name, l.Pool, l.Reads, c.pool, c.why)
			}
		}
		for layer, role := range c.roles {
			if roles[layer] != role {
				t.Errorf("%s: %s is %q, want %q", name, layer, roles[layer], role)
			}
			delete(roles, layer)
		}
		if len(roles) > 0 {
			t.Errorf("%s: further layers %v", name, roles)
		}
	}
}

// k-NN on the tokens of an encoder agrees with a calculation of its own, sample by sample.
func TestRunOnTokens(t *testing.T) {
	m := encoder(t, ofTokens)
	data := sentenceData(50, 21)
	o := Options{K: []int{3}, Batch: 8, Draws: 2, Layers: []string{"blocks"}}
	p, err := Run(t.Context(), m, data, o)
	if err != nil {
		t.Fatal(err)
	}
	plain := plainEncoder(t, m)
	features := func(s Split) (rows [][]float64, labels []int) {
		for i := range s.N() {
			row := make([]float32, 3*tokensT)
			s.Float32(row, i)
			rows, labels = append(rows, plain(row)), append(labels, s.Label(i))
		}
		return rows, labels
	}
	bank, known := features(data.Train)
	queries, truth := features(data.Test)
	right := 0
	for q, x := range queries {
		if vote(bank, known, x, 3) == truth[q] {
			right++
		}
	}
	e := p.AtEmbedding()
	if got, want := float64(e.KNN.True.At(3)), float64(right)/float64(len(truth)); got != want {
		t.Errorf("k-NN at %s %v, want %v", e.Name, got, want)
	}
	if p.Model.Logits != "" || p.Fit.Test != nil || len(p.Model.Inputs) != 3 || p.Model.Input != "input_ids" ||
		p.Settings.Pool != "auto: mean" {
		t.Errorf("the report says logits %q, fit %v, inputs %v, pool %q", p.Model.Logits, p.Fit, p.Model.Inputs,
			p.Settings.Pool)
	}
	counted := make([][]float64, data.Train.N())
	count := func(s Split, i int) []float64 {
		row, c := make([]float32, 3*tokensT), make([]float64, vocabulary+2)
		s.Float32(row, i)
		for t := range tokensT {
			if row[tokensT+t] != 0 {
				c[int(row[t])]++
				c[vocabulary+int(row[2*tokensT+t])]++
			}
		}
		return c
	}
	for i := range counted {
		counted[i] = count(data.Train, i)
	}
	right = 0
	for q := range truth {
		if vote(counted, known, count(data.Test, q), 3) == truth[q] {
			right++
		}
	}
	if got, want := p.Baselines.Pixels.Value(), float64(right)/float64(len(truth)); got != want {
		t.Errorf("k-NN on token counts %v, want %v", got, want)
	}
	if u := e.Draws; u == nil || len(u.Accuracies) != 2 || p.Settings.Redrawn.Value() < 0.99 {
		t.Errorf("untrained networks %+v, redrawn %v", u, p.Settings.Redrawn)
	}
}

// vote is the most frequent label of the k rows of the greatest cosine; of equals the
// smaller class.
func vote(bank [][]float64, labels []int, x []float64, k int) int {
	order := make([]int, len(bank))
	cosine := make([]float64, len(bank))
	for i, b := range bank {
		order[i] = i
		dot, bb, xx := 0.0, 0.0, 0.0
		for j := range b {
			dot, bb, xx = dot+b[j]*x[j], bb+b[j]*b[j], xx+x[j]*x[j]
		}
		cosine[i] = math.Round(1e7*dot/math.Sqrt(bb*xx)) / 1e7 // ties of the program are those of float32s
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(cosine[b], cosine[a]) })
	votes := make([]int, kinds)
	for _, i := range order[:k] {
		votes[labels[i]]++
	}
	best := 0
	for c, v := range votes {
		if v > votes[best] {
			best = c
		}
	}
	return best
}

// A sample of padding alone has no features, and a network of several inputs no missing ones.
func TestTokensThatDoNotFit(t *testing.T) {
	m := encoder(t, meanHead)
	for want, change := range map[string]func(*Data){
		`training sample 3: "attention_mask" is 0 throughout`: func(d *Data) { d.Train = padding{d.Train.(sentences)} },
		`no array for the model's input token_type_ids`:       func(d *Data) { d.Arrays = d.Arrays[:2] },
		`none that takes the array "types"`: func(d *Data) {
			d.Arrays = append(slices.Clone(d.Arrays[:2]), dataset.Array{Name: "types", Shape: []int{tokensT}, Integer: true})
		},
	} {
		data := sentenceData(30, 9)
		change(&data)
		if _, err := Run(t.Context(), m, data, Options{K: []int{3}, NoUntrained: true}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}

}

// Which input is the mask its name tells: the result says so, wants 0 and 1 of it, and warns
// where one that is called otherwise may be meant. A lone input is data however it is called.
func TestMaskByName(t *testing.T) {
	o := Options{K: []int{3}, NoUntrained: true}
	p, err := Run(t.Context(), encoder(t, meanHead), sentenceData(30, 9), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range p.Model.Inputs {
		if in.Mask != (in.Name == "attention_mask") {
			t.Errorf("input %s is the mask: %v", in.Name, in.Mask)
		}
	}
	if len(p.Warnings) != 0 {
		t.Errorf("warnings %q, want none", p.Warnings)
	}
	weighted := sentenceData(30, 9)
	weighted.Train = doubled{weighted.Train.(sentences)}
	if _, err := Run(t.Context(), encoder(t, meanHead), weighted, o); err == nil ||
		!strings.Contains(err.Error(), `sample 0: "attention_mask", which is taken as the mask by its name, holds 2`) {
		t.Errorf("a mask of 2s: error %v", err)
	}
	m := encoder(t, meanHead)
	g := m.Proto().Graph
	g.Input[1].Name = proto.String("valid")
	for _, n := range g.Node {
		for i, name := range n.Input {
			if name == "attention_mask" {
				n.Input[i] = "valid"
			}
		}
	}
	renamed := sentenceData(30, 9)
	renamed.Arrays = slices.Clone(renamed.Arrays)
	renamed.Arrays[1].Name = "valid"
	if p, err = Run(t.Context(), m, renamed, o); err != nil || len(p.Warnings) == 0 ||
		!strings.Contains(p.Warnings[0], "valid, which holds 0 and 1 alone, is taken as data") {
		t.Errorf("a mask that is called valid: %v, error %v", p, err)
	}
	b := newBuilder(1, 6, 6)
	b.graph.Input[0].Name = proto.String("pixel_mask")
	b.node("Flatten", "f", "pixel_mask")
	b.gemm("y", "f", 4, 36)
	if layers, err := Layers(b.model(t, "y"), 2, Image([]int{1, 6, 6}), "", 4); err != nil ||
		layers[0].Name != "pixel_mask" {
		t.Errorf("a lone input that is called a mask: layers %v, error %v", layers, err)
	}
}

// doubled are sentences with 2 in the place of the mask's 1.
type doubled struct{ sentences }

func (d doubled) Float32(dst []float32, i int) {
	d.sentences.Float32(dst, i)
	for t := range tokensT {
		dst[tokensT+t] *= 2
	}
}

type padding struct{ sentences }

func (p padding) Float32(dst []float32, i int) {
	if p.sentences.Float32(dst, i); i == 3 {
		clear(dst)
	}
}
