package glob

import (
	"strings"
	"testing"
	"time"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"layer1.*", "layer1.0.conv1.weight", true},
		{"layer1.*", "layer10.conv.weight", false},
		{"*.bn?.*", "layer1.0.bn1.bias", true},
		{"*/kernel:0", "resnet/conv1/kernel:0", false},
		{"*/*/kernel:0", "resnet/conv1/kernel:0", true},
		{"**/kernel:0", "resnet/conv1/kernel:0", true},
		{"/layer1/*", "/layer1/conv", true},
		{"/layer1/*", "/layer1/conv/Conv_output_0", false},
		{"/layer1/**", "/layer1/conv/Conv_output_0", true},
		{"/layer1/**_0", "/layer1/conv/Conv_output_1", false},
		{"a?b", "a/b", false},
		{"a[!x]b", "a/b", false},
		{"a[.-0]b", "a/b", false},
		{"a/b", "a/b", true},
		{"***", "a/b", true},
		{"?", "é", true},
		{"[à-ö]*", "état", true},
		{"[!]", "!", false},
		{"conv", "conv1", false},
		{"conv?", "conv", false},
		{"*", "", true},
		{"", "", true},
		{"a*b*c", "abcbc", true},
		{"a*b*c", "acb", false},
		{"layer[12].*", "layer2.bias", true},
		{"layer[12].*", "layer3.bias", false},
		{"block[!0-3]*", "block4", true},
		{"block[!0-3]*", "block2", false},
		{"[a-cx]?", "x1", true},
		{"[a-cx]?", "d1", false},
		{"h[0]", "h0", true},
		{"h[0]", "h[0]", true},
		{"h[0", "h[0", true},
		{"h[]", "h[]", true},
		{"[", "", false},
	} {
		if got := Match(c.pattern, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}

// Patterns of many stars take no time worth speaking of.
func TestMatchIsLinear(t *testing.T) {
	begin := time.Now()
	for _, star := range []string{"*a", "**a", "*[ab]"} {
		if Match(strings.Repeat(star, 200)+"c", strings.Repeat("a", 2000)) {
			t.Errorf("%s matches", star)
		}
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}
