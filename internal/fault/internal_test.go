package fault

import (
	"strings"
	"testing"
)

func TestCaughtNamesThePlace(t *testing.T) {
	var got *Internal
	func() {
		defer func() { got = Caught(recover()) }()
		var none []int
		none[len(none)]++
	}()
	got.Doing = `node "n"`
	text := got.Error()
	for _, want := range []string{`internal error at node "n": `, "index out of range", "TestCaughtNamesThePlace",
		"please report it"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if Caught(got) != got {
		t.Error("a panic that is handed on is described anew")
	}
}
