package asm

import _ "memprobe/internal/kernel/avx2" // argument types of the kernels
