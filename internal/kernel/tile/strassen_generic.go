//go:build !amd64 || purego

package tile

import "memprobe/internal/kernel/ref"

// SumRows is [ref.SumRows].
func SumRows(s *ref.RowSums) { ref.SumRows(s) }

// JoinQuarters is [ref.JoinQuarters].
func JoinQuarters(q *ref.Quarters) { ref.JoinQuarters(q) }
