package report

import (
	"fmt"
	"iter"
	"maps"
	"strings"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
)

// citation is how to cite memprobe and the method, in BibTeX.
const citation = `@software{memprobe,
  title   = {memprobe: where neural networks memorize, layer by layer},
  author  = {{The memprobe authors}},
  version = {0.1.0}
}

@inproceedings{anagnostidis2023curious,
  title     = {The Curious Case of Benign Memorization},
  author    = {Anagnostidis, Sotiris and Bachmann, Gregor and Noci, Lorenzo and Hofmann, Thomas},
  booktitle = {International Conference on Learning Representations},
  year      = {2023},
  eprint    = {2210.14019}
}`

func keysOf(m map[string]any) iter.Seq[string] { return maps.Keys(m) }

// provenance is what the numbers came from: versions, seeds and fingerprints.
func provenance(p *result.Probe) [][2]string {
	var out [][2]string
	add := func(name, v string) {
		if v != "" {
			out = append(out, [2]string{name, visible.Line(v)})
		}
	}
	add("memprobe", strings.TrimSpace(p.Tool.Version+" "+p.Tool.Go))
	add("model, SHA-256", p.Model.SHA256)
	add("data", p.Data.Spec)
	add("data, fingerprint", p.Data.Fingerprint)
	seeds := fmt.Sprintf("%d (untrained weights and samples)", p.Settings.Seed)
	if p.Data.LabelSeed != nil {
		seeds += fmt.Sprintf(", %d (assigned labels)", *p.Data.LabelSeed)
	}
	if p.Data.SubsetSeed != nil {
		seeds += fmt.Sprintf(", %d (subset of the data)", *p.Data.SubsetSeed)
	}
	add("seeds", seeds)
	add("threads", "the numbers are bit-identical for any number of threads")
	return out
}
