//go:build !amd64 || purego

package kernel

import "memprobe/internal/kernel/ref"

// depthConv is [ref.DepthConv].
func depthConv(d *ref.Depth) { ref.DepthConv(d) }

// hasDepthRows reports whether depthRowsConv is faster than depthConv.
func hasDepthRows() bool { return false }

// depthRowsConv is [ref.DepthRowsConv].
func depthRowsConv(d *ref.DepthRows, taps, stride, _ int) { ref.DepthRowsConv(d, taps, stride) }

// hasDepthLanes reports whether depthLanesConv is faster than a product.
func hasDepthLanes() bool { return false }

// depthLanesConv is [ref.DepthLanesConv].
func depthLanesConv(d *ref.DepthLanes) { ref.DepthLanesConv(d) }

// depthGrad is [ref.DepthGrad].
func depthGrad(d *ref.Depth) { ref.DepthGrad(d) }
