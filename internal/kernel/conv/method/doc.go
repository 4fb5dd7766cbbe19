// Package method is what every method of convolving has in common: what it is asked
// for, how it is run, and the costs by which methods are compared.
package method
