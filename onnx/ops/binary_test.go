package ops

import (
	"math"
	"strings"
	"testing"

	"memprobe/internal/tensor"
)

func TestBroadcastAndIntegers(t *testing.T) {
	got := apply(t, "Sub", 14, nil, 1, from([]int{2, 1}, 10, 20), from([]int{3}, 1, 2, 3))[0]
	expect(t, got, []int{2, 3}, 9, 8, 7, 19, 18, 17)
	planes, scales := from([]int{2, 2, 1, 3}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), from([]int{2, 1, 1, 1}, 10, 20)
	got = apply(t, "Sub", 14, nil, 1, planes, scales)[0]
	expect(t, got, []int{2, 2, 1, 3}, -9, -8, -7, -6, -5, -4, -13, -12, -11, -10, -9, -8)
	got = apply(t, "Sub", 14, nil, 1, from([]int{2, 2, 1, 1}, 10, 20, 30, 40), planes)[0]
	expect(t, got, []int{2, 2, 1, 3}, 9, 8, 7, 16, 15, 14, 23, 22, 21, 30, 29, 28)
	ints := func(v ...int64) *tensor.Tensor { return tensor.From(v, len(v)) }
	for _, c := range []struct {
		op    string
		attrs Attrs
		want  [3]int64
	}{
		{"Div", nil, [3]int64{-3, 1, -2}}, // toward zero
		{"Mod", nil, [3]int64{1, 2, -1}},
		{"Mod", Attrs{"fmod": int64(1)}, [3]int64{-1, 2, 1}},
	} {
		got := apply(t, c.op, 14, c.attrs, 1, ints(-7, 5, 5), ints(2, 3, -2))[0]
		for i := range c.want {
			if got.I64()[i] != c.want[i] {
				t.Errorf("%s %v: element %d is %d, want %d", c.op, c.attrs, i, got.I64()[i], c.want[i])
			}
		}
	}
	if y := apply(t, "Max", 13, nil, 1, from([]int{2}, float32(math.NaN()), 1),
		from([]int{2}, 1, float32(math.NaN())))[0]; y.F32()[0] == y.F32()[0] || y.F32()[1] == y.F32()[1] {
		t.Errorf("Max of NaN is %v", y.F32())
	}
	rejects(t, "do not broadcast", "Add", 14, nil, []int{2, 3}, []int{2})
	rejects(t, "at least 2", "Mul", 14, nil, []int{2, 3})
	rejects(t, "not supported", "And", 14, nil, []int{2}, []int{2})
	rejects(t, "fmod", "Mod", 14, nil, []int{2}, []int{2})
}

// A number for each row of any length, whether or not the numbers follow each other.
func TestBroadcastAlongRows(t *testing.T) {
	for _, inner := range []int{1, 7, shortRow, shortRow + 1, 49, shortRows, shortRows + 1, 2*shortRows + 3} {
		for _, rows := range [][]int{{3, 5, 1}, {3, 1, 1}, {1, 5, 1}} {
			x, a := tensor.New(tensor.Float32, 3, 5, inner), tensor.New(tensor.Float32, rows...)
			for i := range x.F32() {
				x.F32()[i] = float32(i%13 + 1)
			}
			for i := range a.F32() {
				a.F32()[i] = float32(i + 2)
			}
			product, left := apply(t, "Mul", 14, nil, 1, a, x)[0].F32(), apply(t, "Sub", 14, nil, 1, x, a)[0].F32()
			for i, v := range x.F32() {
				r := i / inner // row 5·n+c
				by := a.F32()[r/5%rows[0]*rows[1]+r%5%rows[1]]
				if product[i] != by*v || left[i] != v-by {
					t.Fatalf("%v, rows of %d: element %d: %v and %v, want %v and %v", rows, inner, i, product[i], left[i], by*v, v-by)
				}
			}
		}
	}
}

// An integer that is divided by 0 ends the run, as in ONNX Runtime.
func TestIntegersDividedByZero(t *testing.T) {
	for _, op := range []string{"Div", "Mod"} {
		for d, b := range map[tensor.DType]*tensor.Tensor{tensor.Int64: tensor.From([]int64{2, 0}, 2),
			tensor.Uint64: tensor.From([]uint64{2, 0}, 2)} {
			a := tensor.New(d, 2)
			n, err := build(op, 14, nil, 1, input(a), input(b))
			if err != nil {
				t.Fatal(err)
			}
			var fault error
			e := NewEnv(nil, new(Scratch), []*tensor.Tensor{a, b}, []*tensor.Tensor{tensor.New(d, 2)})
			e.Fault = &fault
			run, err := n.Def.Bind(n, e)
			if err != nil {
				t.Fatal(err)
			}
			if run(); fault == nil || !strings.Contains(fault.Error(), "divided by 0") {
				t.Errorf("%s of %v: fault %v", op, d, fault)
			}
		}
	}
}
