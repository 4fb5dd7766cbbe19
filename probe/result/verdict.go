package result

import (
	"cmp"
	"fmt"
	"math"
)

// The verdicts, with δ the margin that counts (Verdict.MinMargin).
const (
	Malign             = "malign"               // fits its labels, and the probe is below the untrained networks' by more than δ
	Preserved          = "preserved"            // fits its labels, and the probe is within δ of theirs
	Benign             = "benign"               // fits its labels, and the probe is above theirs by more than δ
	BenignBeyondPixels = "benign beyond pixels" // and above that of pixels, too
	Unclear            = "unclear"              // fits its labels, and the interval of the margin contains δ or −δ
	NotMemorized       = "not memorized"        // does not fit its labels
	TrueLabels         = "true labels"          // there was nothing to memorize: the labels are the true ones
)

// Words are the verdicts in the order in which they are listed.
func Words() []string {
	return []string{BenignBeyondPixels, Benign, Preserved, Malign, Unclear, TrueLabels, NotMemorized}
}

// Verdict says in a word what the numbers mean, and gives the numbers.
type Verdict struct {
	Word      string   `json:"word"`
	Layer     string   `json:"layer"` // the embedding
	Fit       Number   `json:"fit"`
	Probe     Number   `json:"probe"`
	Untrained Number   `json:"untrained"` // the mean of the draws
	Margin    Number   `json:"margin"`    // Probe − Untrained
	CI        Interval `json:"ci"`        // of Margin, 95 %, over queries and draws
	Draws     int      `json:"draws,omitempty"`
	Resamples int      `json:"resamples,omitempty"`
	MinFit    Number   `json:"min_fit"`    // the fit that counts as memorized
	MinMargin Number   `json:"min_margin"` // δ, the margin that counts
	// OverPixels is the margin over raw pixels, or over what Raw names in their place.
	OverPixels *Margin `json:"over_pixels,omitempty"`
	Raw        string  `json:"raw,omitempty"`
	Reason     string  `json:"reason"` // the rule that decided, as a sentence: Why
}

// What is probed without a network.
const (
	rawPixels = "raw pixels"
	rawTokens = "token counts" // see Settings.Raw
	rawValues = "raw vectors"
)

// RawName is what is probed without a network, in words.
func (p *Probe) RawName() string {
	if p.Settings.Raw != "" {
		return rawTokens
	}
	if p.Data.Vectors {
		return rawValues
	}
	return rawPixels
}

// BestFit is the fit that counts, the better of that to images as they are and to
// augmented batches: a network that has seen a few fixed views of each image knows
// those alone. What was not measured is NaN, and NaN if neither was.
func BestFit(clean, augmented float64) float64 {
	if math.IsNaN(clean) || augmented > clean {
		return augmented
	}
	return clean
}

// Why is the rule that decided, as a sentence with its numbers.
func (v *Verdict) Why() string {
	between := fmt.Sprintf("the probe is %s %s (95 %% interval %s)", beside(float64(v.Margin)),
		v.baseline(), v.CI.beside())
	switch v.Word {
	case NotMemorized:
		return fmt.Sprintf("the fit to the assigned labels, %.3f, is less than %v", float64(v.Fit), float64(v.MinFit))
	case TrueLabels:
		return "the assigned labels are the true ones; " + between
	case Unclear:
		return fmt.Sprintf("the assigned labels are fitted (%.3f), but %s, which does not decide beside %v",
			float64(v.Fit), between, float64(v.MinMargin))
	}
	s := fmt.Sprintf("the assigned labels are fitted (%.3f), and %s", float64(v.Fit), between)
	if p := v.OverPixels; p != nil && (v.Word == Benign || v.Word == BenignBeyondPixels) {
		s += fmt.Sprintf("; it is %s that of %s (%s)", beside(float64(p.Margin)), cmp.Or(v.Raw, rawPixels), p.CI.beside())
	}
	return s
}

func (v *Verdict) baseline() string {
	if v.Draws > 1 {
		return fmt.Sprintf("the mean of %d untrained networks", v.Draws)
	}
	return "the untrained network's"
}

// beside is a difference in words: "0.102 below".
func beside(v float64) string {
	if v < 0 {
		return fmt.Sprintf("%.3f below", -v)
	}
	return fmt.Sprintf("%.3f above", v)
}

// beside is an interval of a difference in words, the end next to 0 first where
// both lie on one side: "0.069 to 0.137 below", "0.043 below to 0.006 above".
func (i Interval) beside() string {
	low, high := i.Low(), i.High()
	switch {
	case high < 0:
		return fmt.Sprintf("%.3f to %s", -high, beside(low))
	case low >= 0:
		return fmt.Sprintf("%.3f to %s", low, beside(high))
	}
	return beside(low) + " to " + beside(high)
}
