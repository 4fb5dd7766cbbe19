package augment

import (
	"slices"
	"strings"
	"testing"

	"memprobe/internal/rng"
	"memprobe/internal/tol"
)

func parse(t testing.TB, spec string) *Pipeline {
	t.Helper()
	p, err := Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func worker(t testing.TB, spec string, c, h, w int) *Worker {
	t.Helper()
	k, err := parse(t, spec).Worker(c, h, w)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func noise(seed uint64, n int) []float32 {
	s := rng.New(seed, rng.Bench)
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(s.IntN(256)) / 255
	}
	return x
}

func TestPrintedPipelineParsesToItself(t *testing.T) {
	want := map[string]string{
		"none": "none",
		"full": "resized-crop(scale=0.08:1,ratio=0.75:1.3333333333333333) hflip(p=0.5) " +
			"jitter(brightness=0.8,contrast=0.8,saturation=0.8,hue=0.2,p=0.8) grayscale(p=0.2)",
		"crop-flip":                "crop(pad=4) hflip(p=0.5)",
		"isometry":                 "hflip(p=0.5) affine(degrees=0:180,translate=0.2,scale=1:1,shear=0:0,bilinear=0)",
		"rand:0":                   "randaugment(ops=1,magnitude=0,bins=100)",
		"rand:0.29":                "randaugment(ops=1,magnitude=29,bins=100)",
		"rand:0.3":                 "randaugment(ops=2,magnitude=30,bins=100)",
		"rand:0.6":                 "randaugment(ops=3,magnitude=60,bins=100)",
		"rand:1":                   "randaugment(ops=4,magnitude=99,bins=100)",
		" hflip  vflip( p=0.25 ) ": "hflip(p=0.5) vflip(p=0.25)",
	}
	for _, name := range Presets() {
		if want[name] == "" {
			want[name] = parse(t, name).String()
		}
	}
	for spec, printed := range want {
		p := parse(t, spec)
		if p.String() != printed {
			t.Errorf("%s prints %q, want %q", spec, p, printed)
		}
		again := parse(t, p.String())
		if again.String() != printed || !slices.EqualFunc(p.steps, again.steps, func(a, b step) bool {
			return a.op.name == b.op.name && slices.Equal(a.values, b.values)
		}) {
			t.Errorf("%s: %q parses to %q", spec, p, again)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for spec, want := range map[string]string{
		"":                          "want a preset",
		"fulll":                     "neither a preset (none, full,",
		"rand:2":                    "from 0 to 1",
		"rand:x":                    "from 0 to 1",
		"hflip(p=2)":                "want 0 to 1",
		"hflip(p=NaN)":              "want 0 to 1",
		"hflip(q=1)":                "with a name of p",
		"hflip(p=a)":                "not a number",
		"hflip(p=1":                 ") is missing",
		"crop(pad=1.5)":             "want an integer",
		"erase(scale=0.5)":          "want a range lo:hi",
		"erase(scale=0.5:0.2)":      "lower end first",
		"full hflip":                `"full" is neither`,
		"hflip full-rotations(p=1)": `"full-rotations" is neither`,
	} {
		_, err := Parse(spec)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want it to say %q", spec, err, want)
		}
	}
	for _, c := range []struct {
		spec    string
		c, h, w int
	}{{"full", 4, 8, 8}, {"rand:0.5", 2, 8, 8}, {"blur(kernel=4)", 3, 8, 8}, {"blur(kernel=9)", 3, 4, 32},
		{"none", 0, 8, 8}} {
		if _, err := parse(t, c.spec).Worker(c.c, c.h, c.w); err == nil {
			t.Errorf("%s accepts images [%d,%d,%d]", c.spec, c.c, c.h, c.w)
		}
	}
}

// What parses prints as text that parses to the same text, and works.
func FuzzParse(f *testing.F) {
	for _, spec := range specs() {
		f.Add(spec)
		f.Add(parse(f, spec).String())
	}
	f.Add("affine(degrees=-360:360,translate=1,scale=1e-06:1e+06,shear=-89:89) crop(pad=1e+06)")
	f.Add("resized-crop(scale=0:0,ratio=1e-06:1e+06) erase(scale=0:1,p=1) jitter(brightness=1e6,hue=.5)")
	src := noise(1, 3*6*5)
	f.Fuzz(func(t *testing.T, spec string) {
		p, err := Parse(spec)
		if err != nil {
			return
		}
		again, err := Parse(p.String())
		if err != nil || again.String() != p.String() {
			t.Fatalf("%q prints %q, which parses to %q: %v", spec, p, again, err)
		}
		k, err := p.Worker(3, 6, 5)
		if err != nil {
			return
		}
		dst := make([]float32, len(src))
		for i := range uint64(4) {
			k.Apply(dst, src, Key{Image: i})
		}
	})
}

// specs are the presets and rand:S.
func specs() []string {
	return append(Presets(), "rand:0", "rand:0.5", "rand:1", "affine(degrees=-90:90,translate=0.3,bilinear=1)")
}

// The result depends on the key alone, not on what the worker did before, stays
// in [0,1], and leaves the source as it was. It takes no allocation.
func TestApply(t *testing.T) {
	for _, spec := range specs() {
		for _, shape := range [][3]int{{3, 32, 32}, {1, 28, 28}, {3, 9, 14}, {3, 1, 1}, {1, 5, 1}} {
			c, h, w := shape[0], shape[1], shape[2]
			if spec == "most-difficult" && min(h, w) < 2 {
				continue
			}
			src := noise(1, c*h*w)
			kept := slices.Clone(src)
			used, fresh := worker(t, spec, c, h, w), worker(t, spec, c, h, w)
			got, want := make([]float32, len(src)), make([]float32, len(src))
			changed := false
			for i := range uint64(200) {
				used.Apply(got, src, Key{1, i, 2, 3})
				for _, v := range got {
					if !(v >= 0 && v <= 1) {
						t.Fatalf("%s %v: value %v", spec, shape, v)
					}
				}
				changed = changed || !slices.Equal(got, src)
			}
			if !slices.Equal(src, kept) {
				t.Fatalf("%s %v: the source changed", spec, shape)
			}
			if changed == (spec == "none") && h > 1 {
				t.Errorf("%s %v: changed is %v", spec, shape, changed)
			}
			used.Apply(got, src, Key{1, 7, 2, 3})
			fresh.Apply(want, src, Key{1, 7, 2, 3})
			if err := tol.Close(got, want, 0, 0); err != nil {
				t.Errorf("%s %v: a used worker differs: %v", spec, shape, err)
			}
			i := uint64(0)
			if n := testing.AllocsPerRun(50, func() { used.Apply(got, src, Key{1, i, 2, 3}); i++ }); n != 0 {
				t.Errorf("%s %v: %v allocations an image", spec, shape, n)
			}
		}
	}
}

func TestNotes(t *testing.T) {
	for spec, want := range map[string]string{
		"none":           "",
		"isometry":       "",
		"full":           "greyscale images: jitter leaves out saturation and hue\ngreyscale images: grayscale does nothing",
		"rand:0.5":       "greyscale images: randaugment leaves its colour (saturation) operation out",
		"most-difficult": "greyscale images: jitter leaves out saturation and hue\ngreyscale images: grayscale does nothing",
	} {
		p := parse(t, spec)
		if got := strings.Join(p.Notes(1), "\n"); got != want {
			t.Errorf("%s on one channel: %q, want %q", spec, got, want)
		}
		if got := p.Notes(3); got != nil {
			t.Errorf("%s on three channels: %q", spec, got)
		}
	}
}

func TestViews(t *testing.T) {
	const views, epochs = 5, 5000
	var count [views]int
	for e := range uint64(epochs) {
		v := ViewOf(3, e, 9, views)
		if v != ViewOf(3, e, 9, views) || v < 0 || v >= views {
			t.Fatalf("epoch %d: view %d", e, v)
		}
		count[v]++
		if k, want := KeyOf(3, e, 9, views), (Key{Seed: 3, Image: 9, View: uint64(v)}); k != want {
			t.Fatalf("epoch %d: key %v, want %v", e, k, want)
		}
	}
	for v, n := range count {
		if n < 880 || n > 1120 { // 1000 ± 4σ
			t.Errorf("view %d is taken %d times of %d", v, n, epochs)
		}
	}
	if k, want := KeyOf(3, 4, 9, 0), (Key{Seed: 3, Epoch: 4, Image: 9}); k != want {
		t.Errorf("without views the key is %v, want %v", k, want)
	}
	if v := ViewOf(1, 2, 3, 0); v != 0 {
		t.Errorf("without views the view is %d", v)
	}
}
