package probe

import (
	"fmt"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/tensor"
)

// Pooling says how an activation becomes a feature vector.
//
//	[N,C,H,W], any spatial rank  avg, max: over space, C features
//	[N,T,D] tokens               avg, max: over tokens, D features
//	[N,D]                        as it is
//	flatten, none                as it is, all elements in a row
//
// Averages are summed in float64. The network's input is never pooled.
type Pooling uint8

// The poolings.
const (
	Avg Pooling = iota
	Max
	Flatten
	None
)

func (p Pooling) String() string { return [...]string{"avg", "max", "flatten", "none"}[p] }

// ParsePooling reads the name of a pooling.
func ParsePooling(name string) (Pooling, error) {
	for _, p := range []Pooling{Avg, Max, Flatten, None} {
		if p.String() == name {
			return p, nil
		}
	}
	return 0, fmt.Errorf("probe: pooling %q, want avg, max, flatten or none", name)
}

// Dim is the number of features of a sample of the given shape.
func (p Pooling) Dim(shape []int) int {
	switch {
	case p >= Flatten || len(shape) < 2:
		return tensor.Len(shape)
	case len(shape) == 2:
		return shape[1]
	}
	return shape[0]
}

// Apply writes the Dim features of one sample x of the given shape to dst.
func (p Pooling) Apply(dst, x []float32, shape []int) {
	switch {
	case p >= Flatten || len(shape) < 2:
		copy(dst, x)
	case len(shape) == 2:
		p.tokens(dst, x, shape[0])
	default:
		p.planes(dst, x, tensor.Len(shape[1:]))
	}
}

func (p Pooling) planes(dst, x []float32, size int) {
	for c := range dst {
		plane := x[c*size : (c+1)*size]
		if p == Max {
			dst[c] = vec.MaxOf(plane)
		} else {
			dst[c] = float32(vec.Sum(plane) / float64(size))
		}
	}
}

func (p Pooling) tokens(dst, x []float32, tokens int) {
	for j := range dst {
		if p == Max {
			top := x[j]
			for t := range tokens {
				top = max(top, x[t*len(dst)+j]) // NaN wins
			}
			dst[j] = top
			continue
		}
		sum := 0.0
		for t := range tokens {
			sum += float64(x[t*len(dst)+j])
		}
		dst[j] = float32(sum / float64(tokens))
	}
}
