//go:build race

package main

// The race detector makes these tests ten times slower. Commands call packages whose own
// tests run under it in full; what is left to look at here is what the program itself does
// at once: signals, progress, cells and processes side by side. -run chooses others.
func init() {
	unlessChosen = "^Test(InterruptedBench|Kills|StoreOfManyProcesses|SweepInterrupted|SweepFailures|TrainThenAnalyze)$"
}
