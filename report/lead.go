package report

import (
	"fmt"
	"math"
	"strings"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
	"memprobe/report/page"
)

// lead says what a probe found for a reader outside the field, with the one number
// that carries it and what would change it.
func lead(p *result.Probe) page.Lead {
	l := page.Lead{Tone: page.Neutral, Plain: "What each layer of the network knows."}
	if p.Depth != nil && p.Depth.Sentence != "" {
		l.Where = sentence(p.Depth.Sentence)
	}
	v := p.Verdict
	if v == nil {
		truth, _ := embedding(p)
		if !math.IsNaN(truth) {
			l.Number = fmt.Sprintf("By its features, the most similar training images name %s of the %s rightly.",
				percent(truth), queries(p))
		}
		l.Change = "There is no verdict: the labels that the network was trained on, or an untrained network to " +
			"compare with, are not known."
		return l
	}
	l.Word = v.Word
	l.Tone, l.Plain = inPlainWords(v.Word, trainedOn(p), samples(p))
	l.Number, l.Change = carried(p), changed(v, samples(p))
	return l
}

// Headline says what a probe found for a reader outside the field: the verdict in plain
// words, the number that carries it, and what would change it, a line each. On terminals
// the verdict has its colour, by ECMA-48's codes.
func Headline(p *result.Probe, coloured bool) string {
	l := lead(p)
	paint := func(code, s string) string {
		if !coloured {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	plain := visible.Line(l.Plain)
	if l.Word != "" {
		codes := map[page.Tone]string{page.Good: "1;32", page.Bad: "1;31", page.Open: "1;33", page.Neutral: "1;34"}
		plain = paint(codes[l.Tone], l.Word+":") + " " + paint("1", plain)
	}
	lines := []string{plain}
	for _, s := range []string{l.Number, l.Change} {
		if s != "" {
			lines = append(lines, visible.Line(s))
		}
	}
	if l.Change != "" {
		lines[len(lines)-1] = paint("2", lines[len(lines)-1])
	}
	return strings.Join(lines, "\n")
}

// trainedOn names the labels that the network was trained on.
func trainedOn(p *result.Probe) string {
	switch {
	case p.Data.Labels == "random" || p.Data.Labels == "per-view":
		return "random labels"
	case strings.HasPrefix(p.Data.Labels, "noise:"):
		return "labels, many of them wrong,"
	}
	return "labels"
}

// inPlainWords is a verdict in plain words.
func inPlainWords(word, labels, samples string) (page.Tone, string) {
	heart := "The network learned its " + labels + " by heart"
	switch word {
	case result.Malign:
		return page.Bad, heart + ", and its features are worse for it."
	case result.Preserved:
		return page.Neutral, heart + ", and its features are neither better nor worse for it."
	case result.Benign:
		return page.Good, heart + ", and still learned features that help to tell the true classes apart."
	case result.BenignBeyondPixels:
		return page.Good, heart + ", and still learned features that tell the true classes apart better than the " +
			samples + " themselves do."
	case result.Unclear:
		return page.Open, heart + "; whether its features gained or suffered, these " + samples + " do not tell."
	case result.TrueLabels:
		return page.Neutral, "The network was trained on the true labels: there was nothing false to learn by heart."
	case result.NotMemorized:
		return page.Open, "The network did not learn its " + labels + " by heart."
	}
	return page.Neutral, word + "."
}

// carried is the number by which the verdict goes, a sentence.
func carried(p *result.Probe) string {
	v := p.Verdict
	if v.Word == result.NotMemorized {
		return fmt.Sprintf("It gives %s of its training %s the label that it was taught.",
			percent(float64(v.Fit)), samples(p))
	}
	return fmt.Sprintf("By its features, the most similar training images name %s of the %s rightly, by those of %s "+
		"%s: %s (95 %% interval %s to %s).", percent(float64(v.Probe)), queries(p), untrainedNetworks(v),
		percent(float64(v.Untrained)), inPoints(float64(v.Margin)), signed(v.CI.Low()), signed(v.CI.High()))
}

func untrainedNetworks(v *result.Verdict) string {
	if v.Draws > 1 {
		return fmt.Sprintf("%d untrained networks", v.Draws)
	}
	return "the untrained network"
}

func queries(p *result.Probe) string {
	if p.Data.Test > 0 {
		return fmt.Sprintf("%d test %s", p.Data.Test, samples(p))
	}
	return fmt.Sprintf("%d training %s", p.Data.Train, samples(p))
}

// changed says what would make the verdict another one.
func changed(v *result.Verdict, samples string) string {
	low, high, delta := v.CI.Low(), v.CI.High(), float64(v.MinMargin)
	others := " Other training seeds, k or pooling can move it; more test " + samples +
		" and more untrained networks narrow the interval."
	switch v.Word {
	case result.NotMemorized:
		return fmt.Sprintf("From %s on it would count as learned by heart; longer training or weaker augmentation "+
			"bring it nearer.", percent(float64(v.MinFit)))
	case result.Malign:
		return fmt.Sprintf("It would be another verdict if the interval reached above %s points; it ends %s points "+
			"below.", signed(-delta), points(-delta-high)) + others
	case result.Benign, result.BenignBeyondPixels:
		return fmt.Sprintf("It would be another verdict if the interval reached below %s points; it ends %s points "+
			"above.", signed(delta), points(low-delta)) + others
	case result.Preserved:
		return fmt.Sprintf("It would be another verdict if the interval reached beyond %s points on either side; it "+
			"comes as near as %s.", points(delta), points(min(delta-high, low+delta))) + others
	case result.Unclear:
		return fmt.Sprintf("It would be decided if the interval lay on one side of %s or %s points, or between them: "+
			"more test %s and more untrained networks narrow it.", signed(-delta), signed(delta), samples)
	}
	return ""
}

func percent(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }

// points are hundredths of an accuracy, without a sign.
func points(v float64) string { return fmt.Sprintf("%.1f", math.Abs(100*v)) }

func signed(v float64) string { return strings.Replace(fmt.Sprintf("%+.1f", 100*v), "-", "−", 1) }

// inPoints is a margin in words.
func inPoints(v float64) string {
	if v < 0 {
		return points(v) + " points fewer"
	}
	return points(v) + " points more"
}

// sentence ends with a full stop and begins with a capital, unless it begins with a
// formula or a name.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	word, _, _ := strings.Cut(s, " ")
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == "" {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return s + "."
}
