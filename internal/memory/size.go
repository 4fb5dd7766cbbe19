package memory

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes as a flag takes it: "512MiB", "2GiB", "1.5G", or a
// plain number. KB, MB, GB and TB are powers of 1000; K, KiB and so on of 1024.
type Size int64

// String prints the size as Set reads it; 0, no size given, is empty.
func (s *Size) String() string {
	switch n := int64(*s); {
	case n == 0:
		return ""
	case n%(1<<30) == 0:
		return fmt.Sprintf("%dGiB", n>>30)
	case n%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", n>>20)
	default:
		return strconv.FormatInt(n, 10)
	}
}

// Type is what the flag's help calls the value.
func (s *Size) Type() string { return "SIZE" }

// Set reads a size.
func (s *Size) Set(text string) error {
	unit := strings.TrimLeft(text, "0123456789.")
	factor, ok := map[string]float64{
		"": 1, "B": 1, "K": 1 << 10, "KiB": 1 << 10, "M": 1 << 20, "MiB": 1 << 20, "G": 1 << 30, "GiB": 1 << 30,
		"T": 1 << 40, "TiB": 1 << 40,
		"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	}[unit]
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, unit), 64)
	if bytes := n * factor; ok && err == nil && bytes >= 1 && bytes < math.MaxInt64 {
		*s = Size(bytes)
		return nil
	}
	return fmt.Errorf("%q is no size, want one like 512MiB or 2GiB", text)
}
