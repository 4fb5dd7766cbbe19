package dataset

import (
	"errors"
	"fmt"
	"strings"
)

// pyDtype is the type of an array's values: kind 'u' or 'i', and bytes each.
type pyDtype struct {
	kind byte
	size int
	big  bool // big-endian
}

// pyArray is a NumPy array in row-major order.
type pyArray struct {
	dtype *pyDtype
	shape []int
	data  []byte
}

// numpyName is a global without what differs between NumPy's and Python's
// versions: numpy.core became numpy._core in NumPy 2.
func numpyName(g pyGlobal) string {
	return strings.Replace(string(g), "numpy._core.", "numpy.core.", 1)
}

// numpyGlobal tells whether a pickled array may name the global.
func numpyGlobal(g pyGlobal) bool {
	switch numpyName(g) {
	case "numpy.core.multiarray._reconstruct", "numpy.core.multiarray.scalar", "numpy.core.numeric._frombuffer",
		"numpy.ndarray", "numpy.dtype", "_codecs.encode":
		return true
	}
	return false
}

var errArguments = errors.New("arguments that no pickled array has")

// numpyCall makes what the global would return. Nothing is called.
func numpyCall(g pyGlobal, args pyTuple) (any, error) {
	switch name := numpyName(g); {
	case name == "numpy.core.multiarray._reconstruct" && len(args) == 3:
		if class, ok := args[0].(pyGlobal); ok && class == "numpy.ndarray" {
			return &pyArray{}, nil
		}
	case name == "numpy.core.multiarray.scalar" && len(args) == 2:
		d, ok1 := args[0].(*pyDtype)
		b, ok2 := args[1].([]byte)
		if ok1 && ok2 && len(b) == d.size {
			return d.int(b), nil
		}
	case name == "numpy.core.numeric._frombuffer" && len(args) == 4:
		if args[3] == "C" {
			return newArray(args[2], args[1], args[0])
		}
	case name == "numpy.dtype" && len(args) >= 1:
		return newDtype(args[0])
	case name == "_codecs.encode" && len(args) == 2:
		if text, ok := args[0].(string); ok && (args[1] == "latin1" || args[1] == "latin-1") {
			return latin1(text)
		}
	}
	return nil, fmt.Errorf("%s: %w", g, errArguments)
}

// numpyState sets the state of an array or a type.
func numpyState(of, state any) error {
	s, ok := state.(pyTuple)
	if !ok {
		return errArguments
	}
	switch of := of.(type) {
	case *pyArray: // version, shape, type, Fortran order, values
		if len(s) != 5 || s[3] != false && s[3] != int64(0) {
			return fmt.Errorf("array in Fortran order, or %w", errArguments)
		}
		a, err := newArray(s[1], s[2], s[4])
		if err != nil {
			return err
		}
		*of = *a
		return nil
	case *pyDtype: // version, byte order, and what plain types leave empty
		if len(s) < 2 {
			return errArguments
		}
		order, _ := asText(s[1])
		of.big = order == ">"
		return nil
	}
	return fmt.Errorf("a state for %T, want an array", of)
}

func asText(v any) (string, bool) {
	switch t := v.(type) {
	case string:
		return t, true
	case []byte:
		return string(t), true
	}
	return "", false
}

func newDtype(v any) (*pyDtype, error) {
	name, _ := asText(v)
	switch t := strings.TrimLeft(name, "<|="); t {
	case "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8":
		return &pyDtype{kind: t[0], size: int(t[1] - '0')}, nil
	}
	return nil, fmt.Errorf("array of type %.20q, want integers", name)
}

func newArray(shape, dtype, values any) (*pyArray, error) {
	dims, ok1 := shape.(pyTuple)
	d, ok2 := dtype.(*pyDtype)
	data, ok3 := values.([]byte)
	if !ok1 || !ok2 || !ok3 {
		return nil, errArguments
	}
	a := &pyArray{dtype: d, data: data}
	left := len(data) / d.size
	for _, v := range dims {
		n, ok := asInt(v)
		if !ok || n < 1 || left%n != 0 {
			return nil, fmt.Errorf("array of shape %v with %d bytes", dims, len(data))
		}
		left /= n
		a.shape = append(a.shape, n)
	}
	if left != 1 || len(data)%d.size != 0 {
		return nil, fmt.Errorf("array of shape %v with %d bytes", dims, len(data))
	}
	return a, nil
}

// int is one value, wrapped where it exceeds int64.
func (d *pyDtype) int(b []byte) int64 {
	var v uint64
	for i := range b {
		at := len(b) - 1 - i
		if d.big {
			at = i
		}
		v = v<<8 | uint64(b[at])
	}
	if d.kind == 'i' {
		shift := 64 - 8*d.size
		return int64(v) << shift >> shift
	}
	return int64(v)
}

// ints are the values of an array.
func (a *pyArray) ints() []int64 {
	if a.dtype == nil {
		return nil
	}
	out := make([]int64, 0, len(a.data)/a.dtype.size)
	for i := 0; i < len(a.data); i += a.dtype.size {
		out = append(out, a.dtype.int(a.data[i:i+a.dtype.size]))
	}
	return out
}

// latin1 undoes how Python 3 writes bytes for Python 2: as text, a character a
// byte.
func latin1(text string) ([]byte, error) {
	out := make([]byte, 0, len(text))
	for _, c := range text {
		if c > 255 {
			return nil, fmt.Errorf("character %q in bytes", c)
		}
		out = append(out, byte(c))
	}
	return out, nil
}
