package probe_test

import (
	"context"
	"fmt"
	"log"

	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/onnx/tensor"
	"memprobe/probe"
	"memprobe/probe/knn"
	"memprobe/probe/result"
	"memprobe/train/dataset"
)

// A network is loaded, one of its tensors is read while it runs (a tap), and the classes
// of images are asked of their nearest neighbours there.
func Example_tap() {
	ctx := context.Background()
	pool := engine.NewPool(2)
	defer pool.Close()
	set, err := dataset.Open(ctx, dataset.Embedded, dataset.Options{TrainLimit: 100, TestLimit: 50})
	if err != nil {
		log.Fatal(err)
	}
	model, err := onnx.Load("../testdata/benign.onnx")
	if err != nil {
		log.Fatal(err)
	}
	const batch = 50
	in := model.Inputs()[0].Name
	inputs, err := model.InputTensors(batch, nil)
	if err != nil {
		log.Fatal(err)
	}
	session, err := model.Compile(engine.Options{Inputs: inputs, Taps: []string{"embedding"}, Pool: pool})
	if err != nil {
		log.Fatal(err)
	}
	features := func(split *dataset.Split) (rows []float32) {
		x := session.Input(in).F32()
		size := len(x) / batch
		for first := 0; first < split.N(); first += batch {
			for i := range batch {
				split.Float32(x[i*size:(i+1)*size], first+i)
			}
			visit := func(tap int, t *tensor.Tensor) { rows = append(rows, t.F32()...) }
			if err := session.Run(ctx, visit); err != nil {
				log.Fatal(err)
			}
		}
		return rows
	}
	classes := func(split *dataset.Split) (labels []int) {
		for i := range split.N() {
			labels = append(labels, split.Label(i))
		}
		return labels
	}
	bank, queries := features(&set.Train), features(&set.Test)
	width := len(bank) / set.Train.N()
	index, err := knn.New(ctx, pool, bank, set.Train.N(), width, knn.Cosine)
	if err != nil {
		log.Fatal(err)
	}
	const k = 5
	near, err := index.Search(ctx, queries, set.Test.N(), k)
	if err != nil {
		log.Fatal(err)
	}
	answers, err := knn.Classify(near, classes(&set.Train), len(set.Classes), []int{k}, knn.Uniform, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d-NN accuracy at the embedding, %d numbers: %.2f\n", k, width,
		knn.Accuracy(answers[0], classes(&set.Test)))
	// Output: 5-NN accuracy at the embedding, 64 numbers: 0.60
}

// A metric of one's own is a row of the table: its description, from which reports draw
// it, and how it is measured.
func ExampleOptions_own() {
	ctx := context.Background()
	set, err := dataset.Open(ctx, dataset.Embedded, dataset.Options{TrainLimit: 60, TestLimit: 20})
	if err != nil {
		log.Fatal(err)
	}
	model, err := onnx.Load("../testdata/benign.onnx")
	if err != nil {
		log.Fatal(err)
	}
	sparsity := probe.Metric{
		Metric: result.Metric{Name: "sparsity", Title: "Sparsity", Unit: "share", Better: result.Higher,
			Scale:      result.Fraction,
			Definition: "the share of features that are 0"},
		OnUntrained: true,
		Measure: func(_ context.Context, l *probe.LayerData) (result.Values, error) {
			zeros := 0
			for _, x := range l.Train.Data {
				if x == 0 {
					zeros++
				}
			}
			return result.Values{"sparsity": result.Number(float64(zeros) / float64(len(l.Train.Data)))}, nil
		},
	}
	p, err := probe.Run(ctx, model,
		probe.Data{Train: &set.Train, Test: &set.Test, Classes: set.Classes, Shape: []int{set.C, set.H, set.W}},
		probe.Options{K: []int{5}, NoUntrained: true, Own: []probe.Metric{sparsity}})
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range p.Layers {
		fmt.Printf("%-10s %.2f\n", l.Role, float64(l.Values["sparsity"]))
	}
	// Output:
	// input      0.51
	// block      0.00
	// block      0.00
	// block      0.00
	// embedding  0.05
	// projector  0.90
	// logits     0.00
}
