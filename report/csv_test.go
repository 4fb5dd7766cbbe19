package report

import "testing"

func TestTextCell(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "/layer1/conv": "/layer1/conv", "-0.5": "-0.5", "+1e-3": "+1e-3",
		"=HYPERLINK(\"x\")": "'=HYPERLINK(\"x\")", "@SUM(A1)": "'@SUM(A1)", "-cmd|x": "'-cmd|x", "+a": "'+a", "\t=1": `\t=1`,
		"a\nb": `a\nb`,
	} {
		if got := textCell(in); got != want {
			t.Errorf("textCell(%q) = %q, want %q", in, got, want)
		}
	}
}
