package dataset

// Source is what is known of how a set was published.
type Source struct {
	URL      string
	Licence  string // SPDX identifier; "" where its publisher states none
	Citation string
}

// SourceOf returns what is known of the set of a NAME; false for formats, whose images may
// come from anywhere.
func SourceOf(name string) (Source, bool) {
	fashion := Source{"https://github.com/zalandoresearch/fashion-mnist", "MIT",
		"Xiao, Rasul, Vollgraf 2017: Fashion-MNIST: a novel image dataset for benchmarking machine learning " +
			"algorithms. arXiv:1708.07747"}
	tiny := "Krizhevsky 2009: Learning multiple layers of features from tiny images"
	s, ok := map[string]Source{
		Embedded: fashion, "fashion-mnist": fashion,
		Shapes: {Licence: "Apache-2.0"}, // the program's own, which draws them
		"mnist": {URL: "http://yann.lecun.com/exdb/mnist/",
			Citation: "LeCun, Bottou, Bengio, Haffner 1998: Gradient-based learning applied to document recognition"},
		"cifar10":  {URL: "https://www.cs.toronto.edu/~kriz/cifar.html", Citation: tiny},
		"cifar100": {URL: "https://www.cs.toronto.edu/~kriz/cifar.html", Citation: tiny},
		"tinyimagenet": {URL: "https://cs231n.stanford.edu/",
			Citation: "Le, Yang 2015: Tiny ImageNet visual recognition challenge"},
	}[name]
	return s, ok
}
