package memory

import (
	"io"
	"slices"
	"unsafe"
)

// Grow returns s with room for n more elements, if the budget holds it. Elements
// are moved as slices.Grow does, so that the cost of many calls is linear.
func Grow[T any](what string, s []T, n int) ([]T, error) {
	if n <= cap(s)-len(s) {
		return s, nil
	}
	var one T
	room := max(len(s)+n, cap(s)+cap(s)/2)
	if err := Need(what, int64(room)*int64(unsafe.Sizeof(one))); err != nil {
		return nil, err
	}
	return slices.Grow(s, room-len(s)), nil
}

// ReadAll is io.ReadAll within the budget: what a stream unpacks to is asked for
// as it arrives. The result lies in the memory of room, where that is enough.
func ReadAll(what string, r io.Reader, room []byte) ([]byte, error) {
	data := room[:0]
	for {
		var err error
		if data, err = Grow(what, data, 512); err != nil {
			return nil, err
		}
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF:
			return data, nil
		case err != nil:
			return data, err
		}
	}
}
