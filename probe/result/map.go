package result

// Map places a sample of the training images by the features of each layer: by their
// first two principal components. What is not in JSON is in map.csv.
type Map struct {
	Images int `json:"images"` // balanced over the true classes
	// Features says what the components are of: the features, or their directions.
	Features string     `json:"features"`
	Layers   []MapLayer `json:"layers"`

	Rows     []int          `json:"-"` // of the training images, as those of Samples.Rows
	Index    []int          `json:"-"` // their places in the set
	True     []int          `json:"-"`
	Assigned []int          `json:"-"` // nil where the assigned labels are not known
	Places   [][][2]float32 `json:"-"` // [layer][image]: the components
}

// MapLayer is a layer of a map. Its axes point so that the images lie as in the layer
// before rather than mirrored.
type MapLayer struct {
	Name      string    `json:"name"`
	Explained [2]Number `json:"explained"` // share of the variance, by component; null where there is none
}
