// Package check panics where a slice is shorter than a kernel needs: assembly checks
// nothing, and a caller that passes too little has made a programmer's mistake.
package check
