package report

import (
	"testing"

	"memprobe/probe"
)

// What a metric is called, and what it is measured in, stands in figures and in the PDF: their font
// must have its letters.
func TestMetricsAreDrawable(t *testing.T) {
	for _, m := range probe.Metrics() {
		for _, s := range []string{m.Title, m.Unit, m.Definition, m.Source} {
			if !drawable(s) {
				t.Errorf("metric %s: the figures' font lacks a letter of %q", m.Name, s)
			}
		}
		for _, part := range m.Parts {
			if !drawable(part.Label) {
				t.Errorf("metric %s: the figures' font lacks a letter of %q", m.Name, part.Label)
			}
		}
	}
	if drawable("tr(Σ_W Σ_B⁺)") {
		t.Error("a superscript plus is said to be in the font, and is not")
	}
}
