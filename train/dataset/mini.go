package dataset

import (
	"embed"
	"path"
)

// Embedded is the set that is always there.
const Embedded = "fashion-mnist-mini"

// mini/ says where the images come from and under which licence.
//
//go:generate go run ./mini
//go:embed mini/*.gz
var miniFiles embed.FS

var embeddedFormats = []format{
	{name: Embedded, title: "Fashion-MNIST, 5,000 + 1,000 of its images, embedded", load: (*loader).mini},
}

func fashionNames() []string {
	return []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
		"Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}
}

// mini reads the embedded set.
func (l *loader) mini(string) (*content, error) {
	train, err := miniSplit("train")
	if err != nil {
		return nil, err
	}
	test, err := miniSplit("t10k")
	if err != nil {
		return nil, err
	}
	return &content{classes: fashionNames(), train: *train, test: *test}, nil
}

func miniSplit(prefix string) (*source, error) {
	images, labels := prefix+"-images-idx3-ubyte.gz", prefix+"-labels-idx1-ubyte.gz"
	x, err := openMini(images)
	if err != nil {
		return nil, err
	}
	y, err := openMini(labels)
	if err != nil {
		return nil, err
	}
	return idxSource(images, labels, x, y)
}

func openMini(name string) (*idxArray, error) {
	f, err := miniFiles.Open(path.Join("mini", name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a, err := gunzipIDX(f)
	return a, wrap(name, err)
}
