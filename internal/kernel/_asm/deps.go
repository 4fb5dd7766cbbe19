package asm

// Argument types of the kernels.
import (
	_ "memprobe/internal/kernel/avx2"
	_ "memprobe/internal/kernel/avx512"
)
