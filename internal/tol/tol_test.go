package tol

import (
	"math"
	"testing"
)

func TestClose(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name      string
		got, want []float64
		ok        bool
	}{
		{"equal", []float64{1, 2}, []float64{1, 2}, true},
		{"within", []float64{1.05}, []float64{1}, true},
		{"beyond", []float64{1.2}, []float64{1}, false},
		{"empty", nil, nil, false},
		{"lengths", []float64{1}, []float64{1, 2}, false},
		{"nan for number", []float64{nan}, []float64{1}, false},
		{"number for nan", []float64{1}, []float64{nan}, false},
		{"nan for nan", []float64{nan}, []float64{nan}, true},
		{"inf for number", []float64{inf}, []float64{1}, false},
		{"number for inf", []float64{1}, []float64{inf}, false},
		{"inf for inf", []float64{inf}, []float64{inf}, true},
		{"inf for -inf", []float64{inf}, []float64{-inf}, false},
	} {
		if err := Close(c.got, c.want, 0.1, 0); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestULP(t *testing.T) {
	one := float32(1)
	if d := ULP(one, math.Nextafter32(one, 2)); d != 1 {
		t.Errorf("neighbours are %d apart", d)
	}
	if d := ULP(math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32); d != 2 {
		t.Errorf("across zero: %d", d)
	}
}
