package check

import "fmt"

// Len panics unless the slice called name has n elements.
func Len[T any](name string, s []T, n int) {
	if len(s) < n {
		panic(fmt.Sprintf("kernel: %s has %d elements, want %d", name, len(s), n))
	}
}

// Cover panics unless each slice has at least n elements.
func Cover[T any](n int, slices ...[]T) {
	for i, s := range slices {
		if len(s) < n {
			panic(fmt.Sprintf("kernel: source %d has %d elements, want %d", i, len(s), n))
		}
	}
}
