package report

import (
	"slices"
	"testing"
)

// Tensors are called by as many parts of their names as tell them apart.
func TestDistinct(t *testing.T) {
	for _, c := range []struct{ names, want []string }{
		{nil, []string{}},
		{[]string{""}, []string{""}},
		{[]string{"input", "/layer1/layer1.0/relu_1/Relu_output_0", "/layer1/layer1.1/relu_1/Relu_output_0",
			"/Flatten_output_0", "logits"},
			[]string{"input", "layer1/layer1.0", "layer1/layer1.1", "Flatten", "logits"}},
		{[]string{"/a/conv1/Conv_output_0", "/a/conv2/Conv_output_0", "/b/conv1/Conv_output_0"},
			[]string{"a/conv1", "a/conv2", "b"}},
		{[]string{"a", "a/b", "a/b/c", "a"}, []string{"a", "a/b", "a/b/c", "a"}},
		{[]string{"x/y", "x/y"}, []string{"x/y", "x/y"}},
	} {
		if got := distinct(c.names); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.names, got, c.want)
		}
	}
}
