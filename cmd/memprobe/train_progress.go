package main

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/schollz/progressbar/v3"

	"memprobe/probe/result"
	"memprobe/train"
)

// trainProgress shows a run in progress: a bar on a terminal, a plain line every
// few seconds elsewhere. A nil one shows nothing.
type trainProgress struct {
	*progress
	bar   *progressbar.ProgressBar
	clean float64 // the fit that was measured last
}

func newTrainProgress(w io.Writer, quiet bool) *trainProgress {
	return &trainProgress{progress: newProgress(w, quiet), clean: math.NaN()}
}

func (p *trainProgress) epoch(e result.Epoch) {
	if p != nil && !math.IsNaN(e.FitClean) {
		p.clean = e.FitClean
	}
}

func (p *trainProgress) step(s train.Progress) {
	if p == nil || p.w == io.Discard {
		return
	}
	if !p.terminal {
		if p.due() {
			fmt.Fprintf(p.w, "epoch %d/%d step %d/%d %s, %v left\n", s.Epoch, s.Epochs, s.Step, s.Steps,
				p.figures(s), s.Left.Round(time.Second))
		}
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(s.Epochs*s.Steps,
			progressbar.OptionSetWriter(p.w), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(false), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish())
	}
	p.bar.Describe(fmt.Sprintf("epoch %d/%d, %s, %v left", s.Epoch, s.Epochs, p.figures(s), s.Left.Round(time.Second)))
	p.bar.Set((s.Epoch-1)*s.Steps + s.Step)
}

func (p *trainProgress) figures(s train.Progress) string {
	return fmt.Sprintf("loss %.4f, fit %.3f, clean fit %s, %.0f images/s", s.Loss, s.Fit, cell(p.clean), s.ImagesPerSecond)
}

func (p *trainProgress) done() {
	if p != nil && p.bar != nil {
		p.bar.Clear()
	}
}
