package result

import (
	"io"

	"memprobe/internal/atomicfile"
)

// RewindSchema names the format of rewind.json.
const RewindSchema = "memprobe.rewind/1"

// Rewind is what a network does with blocks set back to earlier weights, or drawn anew:
// which blocks its memorization needs (Zhang, Bengio, Singer 2019; Maini et al. 2023).
type Rewind struct {
	Schema   string   `json:"schema"`
	Tool     Tool     `json:"tool"`
	Model    Model    `json:"model"`
	Data     Data     `json:"data"`
	Settings Settings `json:"settings"`
	// Epoch is that of the weights that blocks are set back to; nil: they are drawn anew.
	Epoch      *int   `json:"epoch,omitempty"`
	Statistics string `json:"statistics"` // how those of normalisations are estimated, in a line

	Trained Rewound   `json:"trained"` // as it is, with its own statistics
	Plain   Rewound   `json:"plain"`   // no block set back, statistics estimated
	Alone   []Rewound `json:"alone"`   // one block set back
	Onward  []Rewound `json:"onward"`  // the block and all after it

	Warnings []string `json:"warnings,omitempty"`
}

// Rewound is a network with blocks set back. Parameters counts those of these blocks.
type Rewound struct {
	Block      string  `json:"block,omitempty"` // the tensor that ends it
	Role       string  `json:"role,omitempty"`
	Parameters int64   `json:"parameters,omitempty"`
	Fit        *Number `json:"fit,omitempty"`      // own answers to training images as they are, assigned labels
	Test       *Number `json:"test,omitempty"`     // own answers to test images, true labels
	Probe      Number  `json:"probe"`              // k-NN at the embedding, true labels
	Assigned   *Number `json:"assigned,omitempty"` // k-NN at the embedding, leave-one-out, assigned labels
}

// Encode writes r as indented JSON and sets its schema.
func (r *Rewind) Encode(w io.Writer) error {
	r.Schema = RewindSchema
	return encode(w, r)
}

// WriteFile writes r to path, whole or not at all.
func (r *Rewind) WriteFile(path string) error { return atomicfile.Write(path, r.Encode) }

// ReadRewind reads the file at path.
func ReadRewind(path string) (*Rewind, error) {
	return read(path, func(in io.Reader) (*Rewind, error) {
		r := new(Rewind)
		return r, decode(in, RewindSchema, r)
	})
}
