package kernel

import "fmt"

// need panics unless the slice called name has n elements.
func need[T any](name string, s []T, n int) {
	if len(s) < n {
		panic(fmt.Sprintf("kernel: %s has %d elements, want %d", name, len(s), n))
	}
}

// covers panics unless each slice has at least n elements.
func covers[T any](n int, slices ...[]T) {
	for i, s := range slices {
		if len(s) < n {
			panic(fmt.Sprintf("kernel: source %d has %d elements, want %d", i, len(s), n))
		}
	}
}
