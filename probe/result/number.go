package result

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Number is a measured value. JSON has no NaN and no infinity: both are written
// as null, and null is read as NaN.
type Number float64

// Some returns a pointer to v, the form of an optional measurement.
func Some(v float64) *Number { n := Number(v); return &n }

// Value returns the number, or NaN if it was not measured.
func (n *Number) Value() float64 {
	if n == nil {
		return math.NaN()
	}
	return float64(*n)
}

// MarshalJSON writes the shortest decimal that reads back as the same float64.
func (n Number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(v)
}

// UnmarshalJSON reads a number or null.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return fmt.Errorf("result: %s is not a number", b)
	}
	*n = Number(v)
	return nil
}

// Interval is a 95 % confidence interval [low, high].
type Interval [2]Number

// Low is the lower end.
func (i Interval) Low() float64 { return float64(i[0]) }

// High is the upper end.
func (i Interval) High() float64 { return float64(i[1]) }

// Accuracy maps the number of neighbours k to the fraction of queries that the
// vote of the k nearest neighbours classifies rightly.
type Accuracy map[int]Number

// At returns the accuracy for k neighbours, or NaN if it was not measured.
func (a Accuracy) At(k int) float64 {
	if v, ok := a[k]; ok {
		return float64(v)
	}
	return math.NaN()
}

// Ks returns the measured numbers of neighbours in ascending order.
func (a Accuracy) Ks() []int {
	ks := make([]int, 0, len(a))
	for k := range a {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

// Wilson returns the 95 % score interval of a proportion of right answers among
// n (Wilson 1927): (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n), z = 1.96.
// For n < 1 both ends are NaN.
func Wilson(right, n int) Interval {
	if n < 1 {
		return Interval{Number(math.NaN()), Number(math.NaN())}
	}
	const z = 1.959963984540054
	m := float64(n)
	p := float64(right) / m
	mid := p + z*z/(2*m)
	half := z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	scale := 1 + z*z/m
	return Interval{Number(max(0, (mid-half)/scale)), Number(min(1, (mid+half)/scale))}
}
