package vec

import (
	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/ref"
)

// SGD describes one step of stochastic gradient descent; see [ref.SGD].
type SGD = ref.SGD

// SGDStep updates w and, unless the momentum is 0, buf from the gradient g.
func SGDStep[T Float](s SGD, w, g, buf []T) {
	check.Cover(len(w), g)
	if s.Momentum != 0 {
		check.Cover(len(w), buf)
	}
	Of[T]().SGD(s, w, g, buf)
}

// Adam describes one step of Adam or AdamW; see [ref.Adam].
type Adam = ref.Adam

// AdamStep updates w and the moments m and v from the gradient g.
func AdamStep[T Float](a Adam, w, g, m, v []T) {
	check.Cover(len(w), g, m, v)
	c := ref.Coef[T](a)
	Of[T]().Adam(c, w, g, m, v)
}
