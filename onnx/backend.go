package onnx

import "memprobe/onnx/engine"

// Backend computes models. The engine of package engine is the one that a Model has
// unless Use gives it another; package onnxtest/backendtest holds any to what probes,
// training's evaluation and the commands rely on.
type Backend interface {
	// Compile plans the evaluation of m for the inputs, outputs and taps of o, as
	// engine.Graph.Compile does. A backend that lacks an operator returns an error that
	// wraps errors.ErrUnsupported.
	Compile(m *Model, o engine.Options) (engine.Session, error)
}

// Use has Compile of the model, and of copies that are made of it from then on, go to b;
// nil stands for the engine. Training is the engine's alone.
func (m *Model) Use(b Backend) { m.backend = b }
