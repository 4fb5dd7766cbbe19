package report

import (
	"strings"
	"testing"

	"memprobe/probe/result"
)

// Every verdict has its plain words, the number that it goes by, and what would change it.
func TestLead(t *testing.T) {
	for word, want := range map[string][3]string{
		result.Malign: {"by heart, and its features are worse for it.",
			"10.0 points fewer (95 % interval −13.0 to −7.0)", "above −2.0 points; it ends 5.0 points below"},
		result.Benign: {"by heart, and still learned features", "10.0 points fewer",
			"below +2.0 points; it ends 15.0 points above"},
		result.BenignBeyondPixels: {"better than the images themselves do", "10.0 points fewer", "below +2.0 points"},
		result.Preserved:          {"neither better nor worse", "10.0 points fewer", "beyond 2.0 points on either side"},
		result.Unclear:            {"these images do not tell", "10.0 points fewer", "one side of −2.0 or +2.0 points"},
		result.TrueLabels:         {"nothing false to learn by heart", "10.0 points fewer", ""},
		result.NotMemorized: {"did not learn its random labels by heart", "gives 99.0 % of its training images",
			"From 90.0 % on"},
	} {
		p := wholeProbe(5, 3)
		p.Verdict.Word, p.Verdict.Margin, p.Verdict.CI = word, -0.1, result.Interval{-0.13, -0.07}
		if word == result.Benign {
			p.Verdict.CI = result.Interval{0.17, 0.2}
		}
		l := lead(p)
		for i, got := range []string{l.Plain, l.Number, l.Change} {
			if !strings.Contains(got, want[i]) || want[i] == "" && got != "" {
				t.Errorf("%s: %q, want %q in it", word, got, want[i])
			}
		}
		headline := Headline(p, false)
		if !strings.HasPrefix(headline, word+": The network ") || strings.ContainsRune(headline, 0x1b) ||
			!strings.Contains(headline, want[2]) {
			t.Errorf("the headline is %q", headline)
		}
		code := map[string]string{result.Malign: "31", result.Benign: "32", result.Unclear: "33",
			result.Preserved: "34"}[word]
		if coloured := Headline(p, true); code != "" && !strings.HasPrefix(coloured, "\x1b[1;"+code+"m"+word+":\x1b[0m ") {
			t.Errorf("in colour it is %q", coloured)
		}
	}
	p := wholeProbe(5, 3)
	p.Verdict = nil
	if l := lead(p); l.Word != "" || !strings.Contains(l.Number, "% of the 1000 test images") ||
		!strings.Contains(l.Change, "no verdict") {
		t.Errorf("without a verdict: %+v", l)
	}
}
