package tensor

import (
	"slices"
	"testing"
)

// elementsOf holds a type to what a tensor says of it; x are two of its values, which are
// the numbers given.
func elementsOf[T Element](t *testing.T, d DType, bytes int, x []T, numbers []float64, whole []int) {
	t.Helper()
	a := From(x, 2, 1)
	if a.DType != d || TypeOf[T]() != d || d.Size() != bytes || len(a.Bytes()) != 2*bytes {
		t.Fatalf("%v of %d bytes, want %v of %d", a.DType, a.DType.Size(), d, bytes)
	}
	if got := []float64{a.Number(0), a.Number(1)}; !slices.Equal(got, numbers) || !slices.Equal(a.Ints(), whole) {
		t.Errorf("%v: numbers %v and integers %v, want %v and %v", d, got, a.Ints(), numbers, whole)
	}
	view, own := a.Reshape(1, 2), a.Clone()
	other := New(d, 2)
	other.Alias(a)
	x[0], x[1] = x[1], x[0]
	if !slices.Equal(Data[T](view), x) || !slices.Equal(view.Shape, []int{1, 2}) || !slices.Equal(Data[T](other), x) {
		t.Errorf("%v: a view has elements of its own", d)
	}
	if slices.Equal(Data[T](own), x) {
		t.Errorf("%v: a copy has the elements of another", d)
	}
	if own.Copy(a); !slices.Equal(Data[T](own), x) || !slices.Equal(Data[T](Over(d, a.Bytes(), 2)), x) {
		t.Errorf("%v: elements are not copied", d)
	}
	if d.IsInteger() != (whole != nil) || d.IsInteger() != (d.IsSigned() || d.IsUnsigned()) {
		t.Errorf("%v: integer is %v", d, d.IsInteger())
	}
}

func TestElementTypes(t *testing.T) {
	low, high := []float64{-3, 7}, []float64{3, 200}
	elementsOf(t, Float32, 4, []float32{-3, 7}, low, nil)
	elementsOf(t, Float64, 8, []float64{-3, 7}, low, nil)
	elementsOf(t, Int8, 1, []int8{-3, 7}, low, []int{-3, 7})
	elementsOf(t, Int16, 2, []int16{-3, 7}, low, []int{-3, 7})
	elementsOf(t, Int32, 4, []int32{-3, 7}, low, []int{-3, 7})
	elementsOf(t, Int64, 8, []int64{-3, 7}, low, []int{-3, 7})
	elementsOf(t, Uint8, 1, []uint8{3, 200}, high, []int{3, 200})
	elementsOf(t, Uint16, 2, []uint16{3, 200}, high, []int{3, 200})
	elementsOf(t, Uint32, 4, []uint32{3, 200}, high, []int{3, 200})
	elementsOf(t, Uint64, 8, []uint64{3, 200}, high, []int{3, 200})
	elementsOf(t, Bool, 1, []bool{false, true}, []float64{0, 1}, nil)
	if !Float64.IsFloat() || Int8.IsFloat() || Int8.IsUnsigned() || Uint64.IsSigned() {
		t.Error("types are of the wrong kind")
	}
	if d := DType(200); d.String() != "dtype(200)" || d.Size() != 0 {
		t.Errorf("a type that is none: %v of %d bytes", d, d.Size())
	}
	if got := Strides([]int{2, 3, 4}); !slices.Equal(got, []int{12, 4, 1}) {
		t.Errorf("strides %v", got)
	}
	if From([]int64{1}).I64()[0] != 1 || From([]int32{2}).I32()[0] != 2 || From([]uint8{3}).U8()[0] != 3 ||
		From([]float64{4}).F64()[0] != 4 {
		t.Error("elements are not those that were given")
	}
}

// What only a mistake in the program can ask for panics.
func TestSizesThatDisagree(t *testing.T) {
	for name, f := range map[string]func(){
		"From":    func() { From([]int8{1, 2}, 3) },
		"Over":    func() { Over(Float32, make([]byte, 7), 2) },
		"New":     func() { New(Invalid, 2) },
		"Reshape": func() { New(Int8, 4).Reshape(3) },
		"Copy":    func() { New(Int8, 4).Copy(New(Uint8, 4)) },
		"Words":   func() { Words[uint32](New(Int8, 4)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic", name)
				}
			}()
			f()
		}()
	}
}
