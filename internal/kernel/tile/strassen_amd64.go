//go:build amd64 && !purego

package tile

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
)

// SumRows is [ref.SumRows].
func SumRows(s *ref.RowSums) {
	switch {
	case cpu.AVX512:
		avx512.SumRows(s)
	case cpu.AVX2:
		avx2.SumRows(s)
	default:
		ref.SumRows(s)
	}
}

// JoinQuarters is [ref.JoinQuarters].
func JoinQuarters(q *ref.Quarters) {
	switch {
	case cpu.AVX512:
		avx512.JoinQuarters(q)
	case cpu.AVX2:
		avx2.JoinQuarters(q)
	default:
		ref.JoinQuarters(q)
	}
}
