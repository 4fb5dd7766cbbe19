package train

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"memprobe/internal/glob"
)

// patterns are those of Config.Freeze.
func (c *Config) patterns() []string {
	if c.Freeze == "" {
		return nil
	}
	return strings.Split(c.Freeze, ",")
}

// freeze makes constants of the trainable weights that a pattern matches and, with
// statistics, of the running statistics too. Each pattern must match a weight, and
// one must be left.
func (n *network) freeze(patterns []string, statistics bool) error {
	if len(patterns) == 0 {
		return nil
	}
	in, err := n.inputs(cmp.Or(n.fixedBatch, n.batch))
	if err != nil {
		return err
	}
	o := n.options
	o.Inputs, o.Logits = in, n.logits
	params, buffers, err := n.model.Trainable(n.graph, o)
	if err != nil {
		return err
	}
	n.options.Frozen = map[string]bool{}
	for _, p := range patterns {
		matched := false
		for _, name := range params {
			if glob.Match(p, name) {
				n.options.Frozen[name], matched = true, true
			}
		}
		if !matched {
			return &ConfigError{"freeze", fmt.Errorf("%q matches no trainable weight, want one of %s", p, some(params))}
		}
	}
	if len(n.options.Frozen) == len(params) {
		return &ConfigError{"freeze", fmt.Errorf("%q matches all %d trainable weights, want one left to train",
			strings.Join(patterns, ","), len(params))}
	}
	weights := n.graph.Weights()
	for name := range n.options.Frozen {
		n.frozen += int64(weights[name].Len())
	}
	for _, name := range buffers {
		matches := func(p string) bool { return glob.Match(p, name) }
		if statistics && slices.ContainsFunc(patterns, matches) {
			n.options.Frozen[name] = true
		}
	}
	return nil
}

// some lists names, the middle of a long list left out.
func some(names []string) string {
	if len(names) > 8 {
		return fmt.Sprintf("%s, …, %s (%d in all)",
			strings.Join(names[:5], ", "), strings.Join(names[len(names)-2:], ", "), len(names))
	}
	return strings.Join(names, ", ")
}
