// Package pixel moves and recolours images in float32, one plane [H,W] of a channel
// at a time: the inner loops of augmentation.
package pixel
