package glob

import "testing"

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"layer1.*", "layer1.0.conv1.weight", true},
		{"layer1.*", "layer10.conv.weight", false},
		{"*.bn?.*", "layer1.0.bn1.bias", true},
		{"*/kernel:0", "resnet/conv1/kernel:0", true},
		{"conv", "conv1", false},
		{"conv?", "conv", false},
		{"*", "", true},
		{"", "", true},
		{"a*b*c", "abcbc", true},
		{"a*b*c", "acb", false},
	} {
		if got := Match(c.pattern, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}
