package avx2

import "memprobe/internal/kernel/ref"

// Arguments of the passes of Strassen's method.
type (
	Quarters = ref.Quarters
	RowSums  = ref.RowSums
)
