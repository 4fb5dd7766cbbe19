// Package rng draws random numbers as a pure function of what they are for.
//
// A Stream is keyed by (seed, purpose, and any counters: epoch, sample, view).
// There is no state to save: order of evaluation, number of threads, and
// interruption change nothing. The key is hashed with SplitMix64's finaliser
// (Steele, Lea, Flood 2014) and the stream is SplitMix64 from there.
package rng

import "math"

// Purpose keeps the draws of different parts of a run independent.
type Purpose uint64

// The purposes that a run draws for. A value, once published, never changes.
const (
	Init      Purpose = iota + 1 // initial weights
	Labels                       // assigned labels
	Shuffle                      // order of samples
	Augment                      // augmentation parameters
	Mix                          // mixup, CutMix
	Dropout                      // dropout masks
	Subset                       // choice of samples
	Ideal                        // ideal views
	Untrained                    // weights of the untrained baseline
	Bootstrap                    // confidence intervals
	Bench                        // benchmark data
	Metric                       // samples of a metric
	Shapes                       // images of the set of shapes
	Operator                     // what operators of a model draw
)

const golden = 0x9e3779b97f4a7c15

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Stream is a sequence of draws. It is a small value: copy it to fork it.
type Stream struct{ state uint64 }

// New returns the stream for a seed, a purpose and its counters.
func New(seed uint64, p Purpose, counters ...uint64) Stream {
	h := mix(seed + golden)
	h = mix(h ^ mix(uint64(p)*golden+golden))
	for _, c := range counters {
		h = mix(h*golden ^ mix(c+golden))
	}
	return Stream{h}
}

// Uint64 returns 64 uniform bits.
func (s *Stream) Uint64() uint64 {
	s.state += golden
	return mix(s.state)
}

// Float64 is uniform on [0,1) with 53 bits.
func (s *Stream) Float64() float64 { return float64(s.Uint64()>>11) * 0x1p-53 }

// Float32 is uniform on [0,1) with 24 bits.
func (s *Stream) Float32() float32 { return float32(s.Uint64()>>40) * 0x1p-24 }

// Uniform is uniform on [lo,hi).
func (s *Stream) Uniform(lo, hi float64) float64 { return lo + (hi-lo)*s.Float64() }

// IntN is uniform on [0,n), without bias (Lemire 2019). It panics if n < 1.
func (s *Stream) IntN(n int) int {
	if n < 1 {
		panic("rng: IntN of a number below 1")
	}
	bound := uint64(n)
	for {
		v := s.Uint64() >> 32
		if bound > 1<<32-1 {
			v = s.Uint64()
			if v < -bound%bound {
				continue
			}
			return int(v % bound)
		}
		m := v * bound
		// The remainder is below the bound, and takes longer than all else.
		if low := m & (1<<32 - 1); low >= bound || low >= (1<<32)%bound {
			return int(m >> 32)
		}
	}
}

// Normal is standard normal (Box and Muller 1958).
func (s *Stream) Normal() float64 {
	u := 1 - s.Float64() // (0,1]
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*s.Float64())
}

// Perm fills p with a uniform permutation of [0,len(p)).
func (s *Stream) Perm(p []int) {
	for i := range p {
		p[i] = i
	}
	for i := len(p) - 1; i > 0; i-- {
		j := s.IntN(i + 1)
		p[i], p[j] = p[j], p[i]
	}
}
