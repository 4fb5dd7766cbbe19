package optim

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// The schedules.
const (
	Constant = "constant"
	Cosine   = "cosine"
	Step     = "step"
)

// curve is a schedule. A new one is a row of curves and its test.
type curve struct {
	name, help string
	lr         func(s Schedule, step int) float64 // after the warm-up
}

// curves is the table of the schedules.
func curves() []curve {
	return []curve{
		{Constant, "constant", func(s Schedule, _ int) float64 { return s.Base }},
		{Cosine, "cosine (to min-lr)", func(s Schedule, step int) float64 {
			t := float64(step-s.Warmup) / float64(max(s.Steps-s.Warmup, 1))
			return s.Min + (s.Base-s.Min)*(1+math.Cos(math.Pi*min(t, 1)))/2
		}},
		{Step, "step (times gamma)", func(s Schedule, step int) float64 {
			return s.Base * math.Pow(s.Gamma, float64(step/max(s.Every, 1)))
		}},
	}
}

// Schedules are the names of the schedules.
func Schedules() []string {
	var names []string
	for _, c := range curves() {
		names = append(names, c.name)
	}
	return names
}

// SchedulesHelp names the schedules with a word on each.
func SchedulesHelp() string {
	var help []string
	for _, c := range curves() {
		help = append(help, c.help)
	}
	return strings.Join(help, ", ")
}

// Schedule is the learning rate as a function of the step. Steps count from 0, t
// is the step less the warm-up, T what remains of the run after it:
//
//	warm-up   Base·(step+1)/Warmup     while step < Warmup
//	constant  Base
//	cosine    Min + (Base−Min)·(1 + cos(π·t/T))/2     PyTorch's CosineAnnealingLR, each step
//	step      Base·Gammaⁿ, n = ⌊step/Every⌋            PyTorch's StepLR
type Schedule struct {
	Name      string
	Base, Min float64
	Gamma     float64
	Every     int // steps between decays
	Warmup    int // steps
	Steps     int // of the run
}

// Check returns what is wrong with the schedule, by the names of its flags.
func (s Schedule) Check() error {
	switch {
	case !slices.Contains(Schedules(), s.Name):
		return fmt.Errorf("schedule %q, want one of %s", s.Name, strings.Join(Schedules(), ", "))
	case !(s.Base >= 0) || math.IsInf(s.Base, 0):
		return fmt.Errorf("lr %v, want 0 or more", s.Base)
	case !(s.Min >= 0 && s.Min <= s.Base):
		return fmt.Errorf("min-lr %v, want from 0 to the learning rate %v", s.Min, s.Base)
	case !(s.Gamma >= 0) || math.IsInf(s.Gamma, 0):
		return fmt.Errorf("gamma %v, want 0 or more", s.Gamma)
	case s.Warmup < 0:
		return fmt.Errorf("warmup %v, want 0 or more", s.Warmup)
	}
	return nil
}

// LR is the learning rate of a step.
func (s Schedule) LR(step int) float64 {
	if step < s.Warmup {
		return s.Base * float64(step+1) / float64(s.Warmup)
	}
	for _, c := range curves() {
		if c.name == s.Name {
			return c.lr(s, step)
		}
	}
	return s.Base
}
