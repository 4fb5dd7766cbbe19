package report

import (
	"slices"

	"memprobe/probe/result"
)

// overLayers is the mean over entries of a number of each layer of the last probe, by
// its key; x counts layers, or is the relative depth.
func overLayers(entries []*Entry, byName bool, key string) []point {
	at := map[float64][]float64{}
	for _, e := range entries {
		p := e.last()
		if p == nil {
			continue
		}
		for i := range p.Layers {
			x := float64(i)
			if !byName {
				x /= float64(max(1, len(p.Layers)-1))
			}
			at[x] = append(at[x], p.Layers[i].At(key, p.Settings.Headline))
		}
	}
	return means(at)
}

// means turns the values at each x into points, in order.
func means(at map[float64][]float64) []point {
	var out []point
	for x, ys := range at {
		m, sd, _ := mean(ys)
		out = append(out, point{x, m, sd})
	}
	slices.SortFunc(out, func(a, b point) int {
		if a.x < b.x {
			return -1
		}
		return 1
	})
	return out
}

// common returns the names of the layers of the last probes, if they are the same
// in all entries that have one.
func common(entries []*Entry) []string {
	var names []string
	for _, e := range entries {
		p := e.last()
		if p == nil {
			continue
		}
		var own []string
		for _, l := range p.Layers {
			own = append(own, l.Name)
		}
		if names != nil && !slices.Equal(names, own) {
			return nil
		}
		names = own
	}
	return names
}

// sharedSettings are the settings of the last probes, where they are one.
func sharedSettings(entries []*Entry) string {
	shared := ""
	for _, e := range entries {
		p := e.last()
		if p == nil {
			continue
		}
		if s := settings(p); shared == "" {
			shared = s
		} else if s != shared {
			return "the settings differ"
		}
	}
	return shared
}

// byVerdict makes a group of the entries of each verdict.
func byVerdict(entries []*Entry) []group {
	var gs []group
	for _, word := range append(result.Words(), "no verdict") {
		g := group{label: word}
		for _, e := range entries {
			v := e.Outcome().Verdict
			if v != nil && v.Word == word || v == nil && word == "no verdict" {
				g.entries = append(g.entries, e)
			}
		}
		gs = append(gs, g)
	}
	return gs
}
