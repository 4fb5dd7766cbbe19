// Package sweep turns a plan, a base configuration with a grid over it, into the
// cells that are trained and probed, and runs them.
//
// A cell is one resolved configuration. Its name is a hash of it, so that the same
// cell of another plan, or of the same plan edited elsewhere, is the same folder:
// what is finished is skipped and what is half done goes on. A lock on each cell,
// which ends with the process that holds it, lets any number of sweeps share a
// folder. What it is to run a cell is the caller's: this package knows neither the
// training loop nor the probes.
package sweep
