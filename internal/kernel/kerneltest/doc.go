// Package kerneltest is what the tests of kernels share: numbers with guards around
// them, shapes of convolutions, runs on several numbers of threads and instruction sets.
package kerneltest
