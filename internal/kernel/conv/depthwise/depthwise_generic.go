//go:build !amd64 || purego

package depthwise

import "memprobe/internal/kernel/ref"

// convolve is [ref.DepthConv].
func convolve(d *ref.Depth) { ref.DepthConv(d) }

// hasRows reports whether rowsConvolve is faster than convolve.
func hasRows() bool { return false }

// rowsConvolve is [ref.DepthRowsConv].
func rowsConvolve(d *ref.DepthRows, taps, stride int) { ref.DepthRowsConv(d, taps, stride) }

// halvesConvolve is [ref.DepthRowsConv].
func halvesConvolve(d *ref.DepthRows, taps, stride int) { ref.DepthRowsConv(d, taps, stride) }

// hasLanes reports whether lanesConvolve is faster than a product.
func hasLanes() bool { return false }

// lanesConvolve is [ref.DepthLanesConv].
func lanesConvolve(d *ref.DepthLanes) { ref.DepthLanesConv(d) }

// gradient is [ref.DepthGrad].
func gradient(d *ref.Depth) { ref.DepthGrad(d) }

// HasTurned reports whether convolutions of what is turned are fast.
func HasTurned() bool { return false }

// turnedConvolve is [ref.DepthTurnedConv].
func turnedConvolve(d *ref.DepthTurned, taps, stride int) { ref.DepthTurnedConv(d, taps, stride) }
