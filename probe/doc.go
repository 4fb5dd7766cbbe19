// Package probe measures what the layers of a network know.
package probe
