package suggest

import "testing"

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"kitten", "sitting", 3},
		{"adma", "adam", 1}, {"ca", "abc", 3}, {"epoch", "epochs", 1}, {"sede", "seed", 1},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"analyze", "train", "sweep", "compare", "extract"}
	for word, want := range map[string]string{
		"analyse": "analyze", "trian": "train", "Sweep": "sweep", "comparison": "", "x": "", "": "", "extarct": "extract",
	} {
		if got := Nearest(word, names); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got := DidYouMean("trian", names); got != "; did you mean train?" {
		t.Errorf("%q", got)
	}
}

func TestOneOf(t *testing.T) {
	names := []string{"cosine", "constant"}
	if err := OneOf("cosine", names); err != nil {
		t.Error(err)
	}
	for word, want := range map[string]string{
		"cosin": `"cosin", want one of cosine, constant; did you mean cosine?`,
		"step":  `"step", want one of cosine, constant`,
	} {
		if err := OneOf(word, names); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", word, err, want)
		}
	}
}
