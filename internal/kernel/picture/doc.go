// Package picture holds the inner loops of decoding and resizing pictures of bytes. All
// of them are in integers, so that every instruction set gives the same pixels.
package picture
