package method

// Costs in cycles that the estimates of several methods share, measured on one core
// (AVX2); what counts is their ratio.
const (
	TileCycles   = 6.0  // per row of B and tile
	PickCycles   = 1.3  // per float copied with a stride, or placed
	TurnCycles   = 0.45 // per float brought among its channels
	SpreadCycles = 0.35 // per float brought back into its plane
	StartCycles  = 20.0 // per tile of a product, to begin and to store it
)

// StreamCycles are those of reading floats of weights, again for each block,
// beyond what the product hides: from the third level of cache or from memory.
func StreamCycles(floats, blocks int) float64 {
	const second, third = 1 << 18, 4 << 20 // floats
	switch {
	case floats <= second:
		return 0
	case floats <= third:
		return 0.1 * float64(floats*blocks)
	}
	return 0.5 * float64(floats*blocks)
}
