package probe

import (
	"context"
	"reflect"
	"testing"

	"memprobe/internal/rng"
	"memprobe/probe/knn"
	"memprobe/probe/result"
	"memprobe/train/dataset"
)

// The pixels answer alike as the input layer, whose neighbours are those of the layer then, and
// part by part.
func TestPixelsAreTheInputLayer(t *testing.T) {
	for name, of := range map[string]func(d *Data, o *Options){
		"test images":   func(*Data, *Options) {},
		"leave-one-out": func(d *Data, _ *Options) { d.Test = nil },
		"held-out bank": func(d *Data, o *Options) {
			d.Train, d.Rest, o.Bank = part{d.Train, 0, 60}, part{d.Train, 60, 60}, Banks()
			d.Assigned = nil
		},
		"neighbours twice": func(d *Data, o *Options) { o.LeaveOneOut = true },
	} {
		var kept [2][]drawnLayer
		var layers [2]result.Layer
		for i := range kept {
			data, o := testData(), Options{K: []int{3, 7}, Headline: 3}
			of(&data, &o)
			r, err := newRunner(residual(t), data, o.withDefaults())
			if err != nil {
				t.Fatal(err)
			}
			if r.in.exact = i == 0; (r.inputAsIs() == 0) != r.in.exact {
				t.Fatalf("%s: the input layer is %d", name, r.inputAsIs())
			}
			if err := r.pixelBaseline(context.Background(), new(result.Probe{Data: result.Data{Banks: make([]result.Bank, 3)}})); err != nil {
				t.Fatal(err)
			}
			n, err := r.network(context.Background(), residual(t))
			if err != nil {
				t.Fatal(err)
			}
			kept[i], layers[i] = r.kept.Pixels, n.layers[0].Layer
		}
		if !reflect.DeepEqual(kept[0], kept[1]) || !reflect.DeepEqual(layers[0], layers[1]) {
			t.Errorf("%s: pixels %v, want %v; layer %v, want %v", name, kept[0], kept[1], layers[0], layers[1])
		}
	}
}

// pictures are samples of bytes.
type pictures [][]uint8

func (p pictures) N() int               { return len(p) }
func (p pictures) Label(i int) int      { return i % 3 }
func (p pictures) Pixels(i int) []uint8 { return p[i] }

func (p pictures) Float32(dst []float32, i int) { dataset.Float32(dst, p[i]) }

// Pixels beside features have the same neighbours by bytes and in parts, also where each is left out
// once.
func TestBesides(t *testing.T) {
	const n, d, e = 60, 36, 5
	s := rng.New(20, rng.Bench)
	draw := func(n int) joint {
		j := joint{images: pictures(make([][]uint8, n)), features: Features{n, e, make([]float32, n*e)}}
		for i := range n {
			j.images.(pictures)[i] = make([]uint8, d)
			for k := range d {
				j.images.(pictures)[i][k] = uint8(100 + s.IntN(156))
			}
		}
		for i := range j.features.Data {
			j.features.Data[i] = float32(s.Normal())
		}
		return j
	}
	bank, queries := draw(n), draw(20)
	r := &runner{Options: Options{K: []int{3, 7}, MaxMemory: 1 << 30}, raw: &raw{in: &inputs{lone: true}, size: d}, spare: new(spare)}
	for own, asked := range []joint{queries, bank} {
		found, err := r.besides(t.Context(), nil, bank, asked, own)
		if err != nil {
			t.Fatal(err)
		}
		want, err := r.inParts(t.Context(), knn.Euclidean, r.join(bank), r.join(asked), own)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(found, want) {
			t.Errorf("%d of each query's own: neighbours differ", own)
		}
	}
	behind := both{part{bank.images, 0, 20}, part{bank.images, 20, 40}}
	for _, i := range []int{5, 20, 59} {
		same(t, "bytes", bytesOf(behind, i), bytesOf(bank.images, i))
	}
	if bytesOf(synthetic(3, 3), 0) != nil {
		t.Error("floats have bytes")
	}
}
