package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// telling are the keys of a configuration that say most about a run, in the order
// in which labels and tables name them.
var telling = []string{"model", "arch", "stem", "width", "projector", "init", "freeze", "freeze-statistics", "data",
	"train-limit", "labels", "augment", "views", "ideal-views", "mixup", "cutmix", "loss", "optimizer", "lr",
	"weight-decay", "schedule", "epochs", "batch"}

// seedKeys draw a run anew without making it another experiment.
var seedKeys = []string{"seed", "label-seed", "subset-seed"}

// idleKeys say what is written down, and change no result.
var idleKeys = []string{"eval-every", "probe-every", "checkpoint-every", "log-steps"}

// differing returns the keys in which entries differ, the telling ones first, then
// by name. A key that an entry lacks differs from any value. How a run was probed is left
// out where it differs just as how it was trained does.
func (c *Comparison) differing() []string {
	return slices.DeleteFunc(c.keys(), func(k string) bool {
		trained, probed := strings.CutPrefix(k, "probe.")
		return !slices.ContainsFunc(c.Entries,
			func(e *Entry) bool { return printed(e.Config[k]) != printed(c.Entries[0].Config[k]) }) ||
			probed && c.follows(k, trained)
	})
}

// follows tells that the entries that agree in one key agree in the other, and that all
// that have the other have the one.
func (c *Comparison) follows(key, of string) bool {
	value := map[string]string{}
	for _, e := range c.Entries {
		if e.Config[key] == nil {
			continue
		}
		v, known := value[printed(e.Config[of])]
		if e.Config[of] == nil || known && v != printed(e.Config[key]) {
			return false
		}
		value[printed(e.Config[of])] = printed(e.Config[key])
	}
	return true
}

// order compares entries by what differs: numbers by size, the rest by name.
func order(a, b *Entry, differs []string) int {
	for _, k := range differs {
		x, xNumber := a.Config[k].(float64)
		y, yNumber := b.Config[k].(float64)
		c := cmp.Compare(x, y)
		if !xNumber || !yNumber {
			c = cmp.Compare(printed(a.Config[k]), printed(b.Config[k]))
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func rank(key string) int {
	if i := slices.Index(telling, key); i >= 0 {
		return i
	}
	return len(telling)
}

// printed is a value of a configuration as text.
func printed(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// labels describes every entry by the keys that tell the entries apart, as few as
// do. Entries that agree in all keys have the same label.
func labels(entries []*Entry, keys []string) []string {
	out := make([]string, len(entries))
	for _, key := range keys {
		before, after := map[string]bool{}, map[string]bool{}
		for i, e := range entries {
			before[out[i]] = true
			after[out[i]+"\x00"+printed(e.Config[key])] = true
		}
		if len(after) == len(before) {
			continue
		}
		for i, e := range entries {
			if w := words(key, e.Config[key]); w != "" && out[i] != "" {
				out[i] += ", " + w
			} else {
				out[i] += w
			}
		}
	}
	for i, e := range entries {
		switch {
		case out[i] != "":
		case e.trained() != nil && len(entries) > 1:
			out[i] = words("labels", e.Config["labels"]) + ", " + words("augment", e.Config["augment"])
		default:
			out[i] = filepath.Base(e.folder())
		}
	}
	return out
}

// byKeys describes every entry by the values of the keys that groups are made by.
func byKeys(entries []*Entry, keys []string) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		var parts []string
		for _, k := range keys {
			w := words(k, e.Config[k])
			if w == "" {
				w = strings.TrimSpace(k + " " + cmp.Or(printed(e.Config[k]), "not set"))
			}
			parts = append(parts, w)
		}
		out[i] = strings.Join(parts, ", ")
	}
	return out
}

// apart returns, for each name that another one equals, as much of the end of its path as
// no other of that name has; "" for the others.
func apart(names, paths []string) []string {
	out := make([]string, len(names))
	for i := range names {
		var others [][]string
		for j := range names {
			if j != i && names[j] == names[i] {
				others = append(others, strings.Split(filepath.ToSlash(paths[j]), "/"))
			}
		}
		parts := strings.Split(filepath.ToSlash(paths[i]), "/")
		for n := 1; len(others) > 0 && n <= len(parts); n++ {
			tail := parts[len(parts)-n:]
			out[i] = strings.Join(tail, "/")
			if !slices.ContainsFunc(others, func(o []string) bool { return len(o) >= n && slices.Equal(o[len(o)-n:], tail) }) {
				break
			}
		}
	}
	return out
}

// words names the value of a key; "" where it is that nothing is done.
func words(key string, v any) string {
	s := printed(v)
	switch {
	case s == "":
		return ""
	case key == "labels":
		return s + " labels"
	case key == "augment" && s == "none":
		return "no augmentation"
	case key == "views" && s == "0":
		return "fresh views"
	case s == "0" && slices.Contains([]string{"mixup", "cutmix", "ideal-views", "weight-decay"}, key):
		return ""
	case key == "model":
		return strings.TrimSuffix(filepath.Base(s), ".onnx")
	case key == "views" && s == "1":
		return "1 view"
	case key == "views" || key == "ideal-views":
		return s + " " + strings.ReplaceAll(key, "-", " ")
	case slices.Contains([]string{"arch", "augment", "data", "optimizer", "loss"}, key):
		return s
	}
	return strings.TrimPrefix(key, "probe.") + " " + s
}

// group is the entries of one row: of one experiment, which differ in seeds alone, or
// those that agree in the keys that groups are made by.
type group struct {
	label   string
	entries []*Entry
}

// groups are the rows and curves.
func (c *Comparison) groups() []group { return c.grouped(c.Entries) }

// grouped folds entries that agree in the keys that groups are made by: those given with
// GroupBy, or every key but seeds and those that only say what is written down; in either
// case not those of but.
func (c *Comparison) grouped(entries []*Entry, but ...string) []group {
	keys := experiment(c.Differs, but...)
	names := labels(entries, keys)
	if c.by != nil {
		keys = without(c.by, but)
		names = byKeys(entries, keys)
	}
	var out []group
	at := map[string]int{}
	for i, e := range entries {
		id := ""
		for _, k := range keys {
			id += printed(e.Config[k]) + "\x00"
		}
		if c.by == nil && e.Run == nil && e.trained() == nil {
			id += e.Path // of a model that stands alone no seed is known
		}
		j, ok := at[id]
		if !ok {
			j = len(out)
			at[id] = j
			out = append(out, group{label: names[i]})
		}
		out[j].entries = append(out[j].entries, e)
	}
	if c.by != nil {
		return out
	}
	return told(named(out))
}

// told gives groups of one name, of models that stand alone, the ends of their paths too.
func told(gs []group) []group {
	var names, paths []string
	for _, g := range gs {
		names, paths = append(names, g.label), append(paths, g.entries[0].folder())
	}
	for i, tail := range apart(names, paths) {
		if tail != "" {
			gs[i].label += " (" + tail + ")"
		}
	}
	return gs
}

// within names what e differs by from the others of its group: its seeds, or, in groups
// that are made by some keys, whatever else makes another run of it.
func (c *Comparison) within(g group, e *Entry) string {
	keys := seedKeys
	if c.by != nil {
		keys = without(slices.Concat(experiment(c.Differs), seedKeys), c.by)
	}
	var out []string
	for _, k := range keys {
		if slices.ContainsFunc(g.entries, func(o *Entry) bool { return printed(o.Config[k]) != printed(e.Config[k]) }) {
			out = append(out, k+" "+cmp.Or(printed(e.Config[k]), "not set"))
		}
	}
	return strings.Join(out, ", ")
}

// keys are all keys of the entries' settings, the telling ones first.
func (c *Comparison) keys() []string {
	var keys []string
	for _, e := range c.Entries {
		keys = slices.AppendSeq(keys, maps.Keys(e.Config))
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	return slices.Compact(keys)
}

// named gives groups the names of the plan's variants, where each has its own.
func named(gs []group) []group {
	names := map[string]bool{}
	for _, g := range gs {
		v := g.entries[0].Variant
		if v == "" || names[v] || slices.ContainsFunc(g.entries, func(e *Entry) bool { return e.Variant != v }) {
			return gs
		}
		names[v] = true
	}
	for i := range gs {
		gs[i].label = gs[i].entries[0].Variant
	}
	return gs
}

// experiment returns the keys that make another experiment: not seeds, nor what is
// written down, nor the keys given.
func experiment(keys []string, but ...string) []string {
	return without(keys, slices.Concat(seedKeys, idleKeys, but))
}

// without returns the keys that are none of others.
func without(keys, others []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return slices.Contains(others, k) })
}

// over names what numbers of a group are means over.
func (c *Comparison) over() string {
	if c.by == nil {
		return "the seeds"
	}
	return "all runs of one " + strings.Join(c.by, " and ")
}

// mean returns the mean of the values that are numbers, their sample standard
// deviation (0 for fewer than two), and how many there are.
func mean(values []float64) (m, sd float64, n int) {
	sum := 0.0
	for _, v := range values {
		if !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	if n == 0 {
		return math.NaN(), 0, 0
	}
	m = sum / float64(n)
	for _, v := range values {
		if !math.IsNaN(v) {
			sd += (v - m) * (v - m)
		}
	}
	if n < 2 {
		return m, 0, n
	}
	return m, math.Sqrt(sd / float64(n-1)), n
}
