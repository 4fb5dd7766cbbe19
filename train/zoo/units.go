package zoo

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Units are the widths of hidden layers, from the first on, as text: "4096,4096". ""
// and "0" stand for none.
type Units string

// Layers returns the widths.
func (u Units) Layers() ([]int, error) {
	if u == "" || u == "0" {
		return nil, nil
	}
	var widths []int
	for part := range strings.SplitSeq(string(u), ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > maxSize || strconv.Itoa(n) != part {
			return nil, fmt.Errorf("%q, want 0, or widths of 1 to %d, with commas between", string(u), maxSize)
		}
		if widths = append(widths, n); len(widths) > maxLayers {
			return nil, fmt.Errorf("%q, want at most %d layers", string(u), maxLayers)
		}
	}
	return widths, nil
}

// MarshalJSON writes a single width as a number, several as text.
func (u Units) MarshalJSON() ([]byte, error) {
	if u == "" {
		u = "0"
	}
	if n, err := strconv.Atoi(string(u)); err == nil {
		return json.Marshal(n)
	}
	return json.Marshal(string(u))
}
