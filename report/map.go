package report

import (
	"encoding/csv"
	"io"
	"strconv"

	"memprobe/probe/result"
)

// writeMapCSV writes a row a layer and image: the image's place in the set, its labels,
// and its first two principal components.
func writeMapCSV(w io.Writer, m *result.Map) error {
	c := csv.NewWriter(w)
	c.Write([]string{"layer", "index", "true", "assigned", "x", "y"}) // Error has its error
	number := func(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }
	for l, layer := range m.Layers {
		for i, at := range m.Places[l] {
			assigned := ""
			if m.Assigned != nil {
				assigned = strconv.Itoa(m.Assigned[i])
			}
			c.Write([]string{textCell(layer.Name), strconv.Itoa(m.Index[i]), strconv.Itoa(m.True[i]), assigned,
				number(at[0]), number(at[1])})
		}
	}
	c.Flush()
	return c.Error()
}
