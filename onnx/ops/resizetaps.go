package ops

import "math"

// nowhere is the place of a tap whose weight is the result, whatever the axis holds.
const nowhere = -1

// tap is an element of an axis and its weight in a sum.
type tap struct {
	at int
	w  float64
}

// mix returns the taps of position x on an axis of the given size. Positions
// outside it read its ends.
func (n *Node) mix(x float64, size int, scale float64) []tap {
	shrinks := scale < 1
	if shrinks && n.Int("antialias", 0) != 0 {
		if taps := n.smooth(x, size, scale); taps != nil {
			return taps
		}
	}
	inside := func(i float64) int { return int(min(max(i, 0), float64(size-1))) }
	lo := math.Floor(x)
	switch n.Str("mode", "nearest") {
	case "linear", "bilinear":
		return []tap{{inside(lo), 1 - (x - lo)}, {inside(lo + 1), x - lo}}
	case "cubic":
		a := float64(n.Float("cubic_coeff_a", -0.75))
		exclude := n.Int("exclude_outside", 0) != 0
		taps, sum := make([]tap, 0, 4), 0.0
		for k := -1.0; k <= 2; k++ {
			i := lo + k
			if exclude && (i < 0 || i >= float64(size)) {
				continue
			}
			w := cubic(math.Abs(x-i), a)
			taps, sum = append(taps, tap{inside(i), w}), sum+w
		}
		for i := range taps {
			taps[i].w /= sum
		}
		return taps
	}
	rounding := "round_prefer_floor"
	switch {
	case n.legacy() && n.Op == "Resize" && shrinks:
		rounding = "ceil"
	case n.legacy():
		rounding = "floor"
	}
	x = float64(float32(x)) // scales are float32: 10/(10/7) is 7
	lo = math.Floor(x)
	switch n.Str("nearest_mode", rounding) {
	case "floor":
		x = lo
	case "ceil":
		x = math.Ceil(x)
	case "round_prefer_ceil":
		x = math.Floor(x + 0.5)
	default:
		x = math.Ceil(x - 0.5)
	}
	return []tap{{inside(x), 1}}
}

// smooth returns the taps of position x on an axis that shrinks, with a kernel as much
// wider, so that every element counts; nil for a mode without a kernel.
func (n *Node) smooth(x float64, size int, scale float64) []tap {
	kernel, reach := func(d float64) float64 { return max(0, 1-d) }, 1/scale
	switch n.Str("mode", "nearest") {
	case "linear", "bilinear":
	case "cubic":
		a := float64(n.Float("cubic_coeff_a", -0.75))
		kernel, reach = func(d float64) float64 { return cubic(d, a) }, 2/scale
	default:
		return nil
	}
	exclude := n.Int("exclude_outside", 0) != 0
	var taps []tap
	sum := 0.0
	for i := math.Ceil(x - reach); i <= x+reach; i++ {
		if exclude && (i < 0 || i >= float64(size)) {
			continue
		}
		w := kernel(math.Abs(x-i) * scale)
		taps, sum = append(taps, tap{int(min(max(i, 0), float64(size-1))), w}), sum+w
	}
	for i := range taps {
		taps[i].w /= sum
	}
	return taps
}

// cubic is the convolution kernel of R. Keys (1981) at distance d.
func cubic(d, a float64) float64 {
	switch {
	case d <= 1:
		return ((a+2)*d-(a+3))*d*d + 1
	case d < 2:
		return a * (((d-5)*d+8)*d - 4)
	}
	return 0
}
