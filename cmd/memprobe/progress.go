package main

import (
	"fmt"
	"io"
	"time"

	"memprobe/internal/show"
	"memprobe/probe/store"
)

// progress tells how far a long command is: a line that rewrites itself on a
// terminal, a plain line every few seconds elsewhere.
type progress struct {
	w        io.Writer
	err      io.Writer // of what is said in any case
	terminal bool
	last     time.Time
	open     bool
	stage    string
	began    time.Time // of the stage, with so many done
	first    int
}

func newProgress(w io.Writer, quiet bool) *progress {
	if quiet {
		return &progress{w: io.Discard, err: w}
	}
	return &progress{w: w, err: w, terminal: isTerminal(w), last: time.Now()}
}

func (p *progress) report(stage string, done, total int) {
	if stage != p.stage || done < p.first {
		p.stage, p.began, p.first = stage, time.Now(), done
	}
	if !p.due() {
		return
	}
	text := fmt.Sprintf("%s %d/%d%s", show.Line(stage), done, total, p.left(done, total))
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K", text)
		p.open = true
		return
	}
	fmt.Fprintln(p.w, text)
}

// left says how long the rest of a stage takes if it goes on as it went.
func (p *progress) left(done, total int) string {
	if done <= p.first {
		return ""
	}
	each := time.Since(p.began) / time.Duration(done-p.first)
	return fmt.Sprintf(", %v left", (each * time.Duration(total-done)).Round(time.Second))
}

// cost says what untrained networks will take, before they do.
func (p *progress) cost(draws, images int, each time.Duration) {
	p.done()
	fmt.Fprintf(p.w, "untrained baseline: %d networks, %d images each, about %s; --draws sets how many\n",
		draws, images, (time.Duration(draws) * each).Round(time.Second))
}

// say says something in a line of its own.
func (p *progress) say(text string) {
	p.done()
	fmt.Fprintln(p.w, show.Line(text))
}

// warn says something in a line of its own, also where progress is not wanted.
func (p *progress) warn(text string) {
	p.done()
	fmt.Fprintf(p.err, "memprobe: note: %s\n", show.Line(text))
}

// stored says, unless there was an error, how much came from a store.
func (p *progress) stored(s *store.Store, err error) error {
	if s == nil || err != nil {
		return err
	}
	if found, computed := s.Rows(); found+computed > 0 {
		p.say(fmt.Sprintf("features: %d rows from the store, %d through the network", found, computed))
	}
	return nil
}

// due reports whether it is time to say something again.
func (p *progress) due() bool {
	every := 5 * time.Second
	if p.terminal {
		every = 100 * time.Millisecond
	}
	if time.Since(p.last) < every {
		return false
	}
	p.last = time.Now()
	return true
}

// done clears the line.
func (p *progress) done() {
	if p.open {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
