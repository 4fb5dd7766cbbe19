// Package deps pins modules until their first importer lands.
package deps

import (
	_ "github.com/nlpodyssey/gopickle/pickle"
	_ "github.com/owulveryck/onnx-go"
	_ "github.com/owulveryck/onnx-go/backend/testbackend/onnx"
	_ "github.com/rogpeppe/go-internal/testscript"
	_ "github.com/sbinet/npyio/npz"
	_ "github.com/spf13/pflag"
	_ "golang.org/x/image/draw"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/sys/cpu"
	_ "golang.org/x/term"
	_ "gonum.org/v1/gonum/graph/topo"
	_ "gonum.org/v1/gonum/mat"
	_ "gonum.org/v1/plot"
	_ "gonum.org/v1/plot/vg/vgimg"
	_ "gonum.org/v1/plot/vg/vgpdf"
	_ "google.golang.org/protobuf/proto"
	_ "gorgonia.org/tensor"
)
