// Package ops is the table of operators: one entry an operator and since-version,
// with its shape rule, its evaluation and its gradient.
//
// A Node is an operator applied to Values. The compiler in onnx/engine creates
// nodes, calls Infer on each in topological order, then Bind, which returns the
// function that computes the node on fixed tensors. Gradients are written as
// graph: a Grad rule appends the nodes that compute the gradients of a node's
// inputs, so that one planner serves both passes.
//
// Operators of the standard domain keep ONNX's spelling and semantics
// (https://onnx.ai/onnx/operators/). Operators of the domain Internal exist only
// inside compiled plans: gradients and fusions.
package ops
