package report

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot"

	"memprobe/probe/result"
)

// nameTicks puts names at 0, 1, 2, …; of more than most of them, every second, third,
// …, counted from the last.
func nameTicks(names []string, most int) plot.ConstantTicks {
	step := (len(names) + most - 1) / most
	ticks := make(plot.ConstantTicks, len(names))
	for i, name := range names {
		if ticks[i].Value = float64(i); (len(names)-1-i)%step == 0 {
			ticks[i].Label = name
		}
	}
	return ticks
}

// settings is what must stand beside every accuracy.
func settings(p *result.Probe) string {
	s := p.Settings
	return fmt.Sprintf("k = %d, %s, %s vote, pool %s", s.Headline, s.Metric, s.Vote, s.Pool)
}

// distinct shortens tensors' names to as many parts, from the first on, as tell each from all
// others: of /layer1/layer1.0/relu_1/Relu_output_0 and /layer1/layer1.1/relu_1/Relu_output_0
// stay layer1/layer1.0 and layer1/layer1.1.
func distinct(names []string) []string {
	all := make([][]string, len(names))
	longest := 0
	for i, name := range names {
		all[i] = strings.Split(shorten(name, math.MaxInt), "/")
		longest = max(longest, len(all[i]))
	}
	out := make([]string, len(names))
	for parts := longest; parts > 0; parts-- {
		called := map[string]int{}
		begin := func(i int) string { return strings.Join(all[i][:min(parts, len(all[i]))], "/") }
		for i := range all {
			called[begin(i)]++
		}
		for i := range all {
			if name := begin(i); parts >= len(all[i]) || called[name] == 1 {
				out[i] = name
			}
		}
	}
	return out
}

// shorten keeps the end of a long tensor name, where names differ.
func shorten(name string, n int) string {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "/"), "_output_0")
	if r := []rune(name); len(r) > n {
		return "…" + string(r[len(r)-n+1:])
	}
	return name
}
