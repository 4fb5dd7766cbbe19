// Package optim updates weights from gradients: SGD, Adam, AdamW and LARS, with
// the formulas of PyTorch, and the schedules of the learning rate.
//
// A step works on chunks whose bounds depend on the shapes alone, so that its bits
// do not depend on the number of threads, and allocates nothing.
package optim
