package result

// Against compares the layers of the network with those of another one, on the same
// images: what they represent alike, and on which queries they differ.
type Against struct {
	Model     Model   `json:"model"` // the other
	Normalize string  `json:"normalize,omitempty"`
	Sampled   int     `json:"sampled"` // training images that the alignment is of
	Queries   int     `json:"queries"`
	K         int     `json:"k"`
	Bank      string  `json:"bank"`
	Chance    Number  `json:"chance"` // share of neighbours in common of sets drawn at random: k over the bank's images
	Layers    []Other `json:"layers"` // of the other network
	// CKA is the debiased linear alignment, a row a layer of the network, a column a
	// layer of the other; Shared is the mean share of the k neighbours in common.
	CKA     [][]Number `json:"cka"`
	Shared  [][]Number `json:"shared"`
	Matches []Match    `json:"matches"` // a layer each that has one
	// Predictions is on how many queries the networks' own answers differ; absent where
	// one of them has no output a class.
	Predictions *int       `json:"predictions_differ,omitempty"`
	Differ      []Differed `json:"differ,omitempty"` // the first of them, fewest common neighbours first
	Rows        []Differed `json:"-"`                // of all queries
}

// Other is a layer of the other network.
type Other struct {
	Name string `json:"name"`
	Role string `json:"role,omitempty"`
	Dim  int    `json:"dim"`
	Pool string `json:"pool"`
}

// The ways in which a layer finds its match.
const (
	ByName = "name" // the other network has a layer of that name
	ByRole = "role" // input, embedding or logits
	ByCKA  = "cka"  // the layer of the greatest alignment
)

// Match is a layer of the network beside the one of the other that matches it.
type Match struct {
	Layer     string   `json:"layer"`
	Other     string   `json:"against"`
	By        string   `json:"by"`
	CKA       Number   `json:"cka"`
	Shared    Number   `json:"shared"`     // mean share of the k neighbours in common
	SharedCI  Interval `json:"shared_ci"`  // 95 %, Student's t over the queries
	Jaccard   Number   `json:"jaccard"`    // mean of common neighbours over those of either
	JaccardCI Interval `json:"jaccard_ci"` // 95 %
	True      Number   `json:"true"`       // k-NN accuracy, true labels
	OtherTrue Number   `json:"against_true"`
	Differ    int      `json:"differ"` // queries that the neighbours answer differently
	// McNemar counts those that one network's neighbours alone answer rightly.
	McNemar *McNemar `json:"mcnemar,omitempty"`
}

// Differed is a query as both networks see it. Neighbours are the answers of k-NN at the
// embedding.
type Differed struct {
	Index           int     `json:"index"` // place in the set
	File            string  `json:"file,omitempty"`
	True            int     `json:"true"`
	Prediction      *int    `json:"prediction,omitempty"`
	OtherPrediction *int    `json:"against_prediction,omitempty"`
	Neighbours      int     `json:"neighbours"`
	OtherNeighbours int     `json:"against_neighbours"`
	Shared          Number  `json:"shared"`
	ByMatch         []Asked `json:"-"` // in the order of Against.Matches
}

// Asked is what the neighbours at a layer and its match answer.
type Asked struct {
	Neighbours, OtherNeighbours int
	Shared                      float32
}
