package dataset

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"memprobe/internal/parallel"
	"memprobe/internal/rng"
)

// Shapes is the set that the program draws: its classes are shapes, and whatever
// else varies in its images is a nuisance of known strength.
const Shapes = "shapes"

var shapesFormats = []format{
	{name: Shapes, title: "ten shapes, with nuisances of chosen strength; drawn by the program",
		path: "KEY=VALUE,…", drawn: true, load: (*loader).shapes},
}

// shapesConfig are the parameters of a set of shapes. A nuisance of strength 0
// does not vary at all; at 1 it varies as far as the shape stays recognisable.
type shapesConfig struct {
	train, test   int // images
	size, classes int // pixels a side; the first classes of figures
	seed          int

	colour     float64 // of the shape: from white to any hue
	place      float64 // of its centre: as far as it stays inside
	scale      float64 // of its radius: down to half
	rotation   float64 // up to 180° either way
	background float64 // from black to waves of two colours
	noise      float64 // standard deviation, 0.15 of the range at 1
}

// shapesDefaults has every nuisance at half its strength.
func shapesDefaults() shapesConfig {
	return shapesConfig{train: 5000, test: 1000, size: 32, classes: len(figures()),
		colour: 0.5, place: 0.5, scale: 0.5, rotation: 0.5, background: 0.5, noise: 0.5}
}

// nuisances are the strengths by name, in the order in which they are described.
func (c *shapesConfig) nuisances() []named[float64] {
	return []named[float64]{{"colour", &c.colour}, {"place", &c.place}, {"scale", &c.scale},
		{"rotation", &c.rotation}, {"background", &c.background}, {"noise", &c.noise}}
}

func (c *shapesConfig) sizes() []named[int] {
	return []named[int]{{"train", &c.train}, {"test", &c.test}, {"size", &c.size}, {"classes", &c.classes},
		{"seed", &c.seed}}
}

type named[T any] struct {
	name  string
	value *T
}

// parseShapes reads KEY=VALUE,…: the sizes (train, test, size, classes, seed), the
// strength of each nuisance, and all, which sets every strength before the others
// are read.
func parseShapes(text string) (*shapesConfig, error) {
	c := shapesDefaults()
	keys := map[string]func(string) error{}
	for _, n := range c.sizes() {
		keys[n.name] = func(v string) (err error) { *n.value, err = strconv.Atoi(v); return err }
	}
	for _, n := range c.nuisances() {
		keys[n.name] = func(v string) (err error) { *n.value, err = strength(v); return err }
	}
	keys["all"] = func(v string) error {
		s, err := strength(v)
		for _, n := range c.nuisances() {
			*n.value = s
		}
		return err
	}
	seen := map[string]bool{}
	pairs := strings.Split(text, ",")
	slices.SortStableFunc(pairs, func(a, b string) int { // all before what it is overruled by
		return strings.Count(b, "all=") - strings.Count(a, "all=")
	})
	for _, pair := range pairs {
		if text == "" {
			break
		}
		key, value, ok := strings.Cut(pair, "=")
		set := keys[key]
		if !ok || set == nil {
			return nil, fmt.Errorf("%q, want KEY=VALUE,… of %s", pair, strings.Join(shapesKeys(), ", "))
		}
		if seen[key] {
			return nil, fmt.Errorf("%s is given twice", key)
		}
		seen[key] = true
		if err := set(value); err != nil {
			return nil, fmt.Errorf("%s is %q, want %s", key, value, c.wanted(key))
		}
	}
	return &c, c.check()
}

func strength(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err == nil && !(v >= 0 && v <= 1) {
		err = strconv.ErrRange
	}
	return v, err
}

// shapesKeys are the keys that a set of shapes takes.
func shapesKeys() []string {
	var c shapesConfig
	var keys []string
	for _, n := range c.sizes() {
		keys = append(keys, n.name)
	}
	keys = append(keys, "all")
	for _, n := range c.nuisances() {
		keys = append(keys, n.name)
	}
	return keys
}

func (c *shapesConfig) wanted(key string) string {
	if slices.ContainsFunc(c.sizes(), func(n named[int]) bool { return n.name == key }) {
		return "an integer"
	}
	return "a strength in [0,1]"
}

func (c *shapesConfig) check() error {
	limits := []struct {
		name           string
		value, low, up int
	}{
		{"classes", c.classes, 2, len(figures())}, {"size", c.size, 8, 512},
		{"train", c.train, c.classes, 10_000_000}, {"test", c.test, 0, 10_000_000}, {"seed", c.seed, 0, math.MaxInt},
	}
	for _, l := range limits {
		if l.value < l.low || l.value > l.up {
			return fmt.Errorf("%s is %d, want %d to %d", l.name, l.value, l.low, l.up)
		}
	}
	return nil
}

// shapes draws the set. Image i of a split is of class i modulo the number of
// classes and is a function of (seed, split, i, size, strengths) alone, so that a
// longer set begins with a shorter one.
func (l *loader) shapes(text string) (*content, error) {
	c, err := parseShapes(text)
	if err != nil {
		return nil, &SpecError{Shapes + ":" + text, err.Error()}
	}
	var names []string
	for _, f := range figures()[:c.classes] {
		names = append(names, f.name)
	}
	out := &content{classes: names}
	pool := parallel.New(l.o.Threads)
	defer pool.Close()
	mem := arena{loader: l}
	for half, s := range []*source{&out.train, &out.test} {
		n := []int{c.train, c.test}[half]
		*s = source{c: 3, h: c.size, w: c.size, labels: make([]int, n), pixels: make([][]uint8, n),
			where: func(i int) (string, int) { return Shapes, i }}
		for i := range n {
			s.labels[i] = i % c.classes
			if s.pixels[i], err = mem.take(3 * c.size * c.size); err != nil {
				return nil, err
			}
		}
		const group = 16
		pool.For(parallel.Chunks(n, group), func(_, chunk int) {
			lo, hi := parallel.Range(chunk, group, n)
			for i := lo; i < hi && l.ctx.Err() == nil; i++ {
				draw := rng.New(uint64(c.seed), rng.Shapes, uint64(half), uint64(i))
				c.draw(s.pixels[i], figures()[s.labels[i]].inside, &draw)
			}
		})
		if err := l.ctx.Err(); err != nil {
			return nil, err
		}
	}
	l.note("drawn by the program: %s", c.describe())
	return out, nil
}

// describe is every parameter with its value, as parseShapes reads it.
func (c *shapesConfig) describe() string {
	var parts []string
	for _, n := range c.sizes() {
		parts = append(parts, fmt.Sprintf("%s=%d", n.name, *n.value))
	}
	for _, n := range c.nuisances() {
		parts = append(parts, fmt.Sprintf("%s=%v", n.name, *n.value))
	}
	return strings.Join(parts, ",")
}
