package onnxtest

import (
	"testing"

	"memprobe/internal/parallel"
)

// seeds is how many random graphs a test run compares.
const seeds = 1000

// never lists the operators that random graphs do not have, with the reason.
var never = map[string]string{}

// What the engine makes of a graph computes what its nodes compute one by one, and
// every operator of the table is in some graph.
func TestRandomGraphs(t *testing.T) {
	pool := parallel.New(2)
	defer pool.Close()
	count := map[string]int{}
	for seed := range uint64(seeds) {
		g := Random(seed)
		for _, n := range g.Proto.Graph.Node {
			count[n.GetOpType()]++
		}
		if err := g.Agree(pool); err != nil {
			t.Errorf("graph %d: %v\n%v", seed, err, g)
		}
	}
	for _, op := range operators {
		switch reason, listed := never[op]; {
		case count[op] == 0 && !listed:
			t.Errorf("no random graph has %s: give it a recipe", op)
		case count[op] > 0 && listed:
			t.Errorf("random graphs have %s, of which never says %q", op, reason)
		}
	}
}

func FuzzRandomGraphs(f *testing.F) {
	f.Add(uint64(0))
	f.Fuzz(func(t *testing.T, seed uint64) {
		g := Random(seed)
		if err := g.Agree(nil); err != nil {
			t.Errorf("%v\n%v", err, g)
		}
	})
}
