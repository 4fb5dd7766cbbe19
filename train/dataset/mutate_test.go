package dataset

import "memprobe/internal/rng"

// mutator makes damaged files.
type mutator struct{ stream rng.Stream }

func newMutator(seed uint64) *mutator { return &mutator{rng.New(seed, rng.Subset)} }

// mutate flips up to eight bytes of data, or cuts it.
func (m *mutator) mutate(data []byte) []byte {
	out := append([]byte{}, data...)
	if m.stream.IntN(8) == 0 {
		return out[:m.stream.IntN(len(out))]
	}
	for range 1 + m.stream.IntN(8) {
		out[m.stream.IntN(len(out))] = byte(m.stream.IntN(256))
	}
	return out
}
