package probe

import (
	"context"
	"reflect"
	"testing"

	"memprobe/probe/result"
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
