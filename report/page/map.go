package page

import "memprobe/probe/result"

// Map is points that lie elsewhere at each layer.
type Map struct {
	Layers   []MapLayer  `json:"layers"`
	Start    int         `json:"start"` // the layer that is shown at first
	Names    []string    `json:"names"` // of points, under the pointer
	Links    []string    `json:"links"`
	Pictures []int       `json:"pictures,omitempty"` // of points, in Page.Pictures
	Colours  []Colouring `json:"colours"`            // between which a switch chooses
}

// MapLayer is where the points lie: in thousandths of the longer side of what they
// cover, from the lower left, with one scale for both axes.
type MapLayer struct {
	Name      string           `json:"name"`
	Explained [2]result.Number `json:"explained"` // share of the variance, by axis
	X         []int            `json:"x"`
	Y         []int            `json:"y"`
}

// Colouring is what the colours of points say: Of each point the number of one of Names.
type Colouring struct {
	Name    string   `json:"name"`
	Of      []int    `json:"of"`
	Names   []string `json:"names"`
	Ordered bool     `json:"ordered,omitempty"` // Names are in order, the last one is none of it
}
