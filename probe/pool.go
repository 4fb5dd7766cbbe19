package probe

import (
	"fmt"
	"strconv"
	"strings"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/suggest"
	"memprobe/internal/tensor"
)

// Pooling says how an activation becomes a feature vector.
//
//	[N,C,H,W], any spatial rank  avg, max: over space, C features; all others but flatten and none are avg
//	[N,T,D] tokens               avg: over all tokens; mean, max, last: over, or of, those that are no
//	                             padding; cls, token:N: that token; D features
//	[N,D]                        as it is
//	flatten, none                as it is, all elements in a row
//
// Averages are summed in float64. The network's input is never pooled.
type Pooling int

// The poolings, and Token.
const (
	Auto    Pooling = iota // Layer.Pool: tokens as the head reads them, maps by Avg
	Avg                    // over space or all tokens
	Max                    // over space or tokens that are no padding
	Flatten                // all elements
	None                   // all elements
	Mean                   // over tokens that are no padding
	Last                   // the last of these
	first                  // the class token, and others after it
)

// maxToken bounds what token:N names.
const maxToken = 1 << 20

// Token is the pooling that takes token i, from 0. Token(0) is called cls, for the class
// token.
func Token(i int) Pooling { return first + Pooling(i) }

var poolingNames = []string{"auto", "avg", "max", "flatten", "none", "mean", "last", "cls"}

func (p Pooling) String() string {
	if p > first {
		return fmt.Sprintf("token:%d", p-first)
	}
	return poolingNames[p]
}

// ParsePooling reads the name of a pooling.
func ParsePooling(name string) (Pooling, error) {
	for p, n := range poolingNames {
		if n == name {
			return Pooling(p), nil
		}
	}
	if number, ok := strings.CutPrefix(name, "token:"); ok {
		if i, err := strconv.Atoi(number); err == nil && i >= 0 && i <= maxToken {
			return Token(i), nil
		}
	}
	return 0, fmt.Errorf("%q, want %s or token:N%s", name, strings.Join(poolingNames, ", "),
		suggest.DidYouMean(name, poolingNames))
}

// UnmarshalText is ParsePooling.
func (p *Pooling) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePooling(string(text))
	return err
}

// Of is the pooling of a layer. What chooses tokens averages layers of other shapes, and
// those with another number of tokens than the head reads, where token N is another.
func (p Pooling) Of(l Layer) (Pooling, error) {
	switch {
	case p == Auto:
		return l.Pool, nil
	case p < Mean:
		return p, nil
	case len(l.Shape) != 2:
		return Avg, nil
	case l.Tokens == 0:
		return Mean, nil
	case p >= first+Pooling(l.Tokens):
		return p, fmt.Errorf("probe: layer %q: pooling %v, want a token below %d", l.Name, p, l.Tokens)
	}
	return p, nil
}

// Dim is the number of features of a sample of the given shape.
func (p Pooling) Dim(shape []int) int {
	switch {
	case p == Flatten || p == None || len(shape) < 2:
		return tensor.Len(shape)
	case len(shape) == 2:
		return shape[1]
	}
	return shape[0]
}

// Apply writes the Dim features of one sample x of the given shape to dst. mask is not 0 for
// tokens that are no padding, one at least; nil, or of another length: all.
func (p Pooling) Apply(dst, x []float32, shape []int, mask []float32) {
	switch {
	case p == Flatten || p == None || len(shape) < 2:
		copy(dst, x)
	case len(shape) == 2:
		if p == Avg || len(mask) != shape[0] {
			mask = nil
		}
		p.tokens(dst, x, shape[0], mask)
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

func (p Pooling) tokens(dst, x []float32, tokens int, mask []float32) {
	var kept []int
	for t := range tokens {
		if mask == nil || mask[t] != 0 {
			kept = append(kept, t)
		}
	}
	d := len(dst)
	switch {
	case p == Last:
		copy(dst, x[kept[len(kept)-1]*d:])
		return
	case p >= first:
		copy(dst, x[int(p-first)*d:])
		return
	}
	for j := range dst {
		if p == Max {
			top := x[kept[0]*d+j]
			for _, t := range kept {
				top = max(top, x[t*d+j]) // NaN wins
			}
			dst[j] = top
			continue
		}
		sum := 0.0
		for _, t := range kept {
			sum += float64(x[t*d+j])
		}
		dst[j] = float32(sum / float64(len(kept)))
	}
}
