package onnx

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"memprobe/internal/memory"
	"memprobe/internal/onnxpb"
)

// external is a checked piece of a file beside the model.
type external struct {
	dir, location  string
	offset, length int64
}

// locate checks that p's external data, want bytes of it, exist. The file must
// lie in dir or below, symbolic links included.
func locate(p *onnxpb.TensorProto, dir string, want int64) (*external, error) {
	e, seen := &external{dir: dir, length: want}, map[string]bool{}
	for _, kv := range p.ExternalData {
		if seen[kv.GetKey()] {
			return nil, fmt.Errorf("external data: %s is there twice", kv.GetKey())
		}
		seen[kv.GetKey()] = true
		var err error
		switch v := kv.GetValue(); kv.GetKey() {
		case "location":
			e.location = path.Clean(strings.ReplaceAll(v, `\`, "/"))
		case "offset":
			e.offset, err = strconv.ParseInt(v, 10, 64)
		case "length":
			e.length, err = strconv.ParseInt(v, 10, 64)
		}
		if err != nil {
			return nil, fmt.Errorf("external data: %s %q is not a number", kv.GetKey(), kv.GetValue())
		}
	}
	switch {
	case e.location == "":
		return nil, fmt.Errorf("external data: no location")
	case dir == "":
		return nil, fmt.Errorf("external data %q: the model was not read from a file", e.location)
	case e.length != want:
		return nil, fmt.Errorf("external data %q: length is %d, the shape wants %d", e.location, e.length, want)
	case e.offset < 0:
		return nil, fmt.Errorf("external data %q: offset %d is negative", e.location, e.offset)
	}
	return e, e.visit(func(f *os.File, size int64) error {
		if e.offset > size || e.length > size-e.offset {
			return fmt.Errorf("external data %q: wants bytes %d to %d, the file has %d",
				e.location, e.offset, e.offset+e.length, size)
		}
		return nil
	})
}

// visit opens the file without ever leaving dir.
func (e *external) visit(do func(f *os.File, size int64) error) error {
	root, err := os.OpenRoot(e.dir)
	if err != nil {
		return fmt.Errorf("external data %q: %w", e.location, err)
	}
	defer root.Close()
	info, err := root.Stat(e.location) // before opening: opening a pipe would wait for its writer
	if err != nil {
		return fmt.Errorf("external data %q: %w", e.location, pathless(err))
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("external data %q: is not a regular file", e.location)
	}
	f, err := root.Open(e.location)
	if err != nil {
		return fmt.Errorf("external data %q: %w", e.location, pathless(err))
	}
	defer f.Close()
	return do(f, info.Size())
}

func (e *external) read() (raw []byte, err error) {
	err = e.visit(func(f *os.File, size int64) error {
		if err := memory.Need("its content", e.length); err != nil {
			return fmt.Errorf("external data %q: %w", e.location, err)
		}
		raw = make([]byte, e.length) // locate found that many bytes in the file
		if _, err := io.ReadFull(io.NewSectionReader(f, e.offset, e.length), raw); err != nil {
			return fmt.Errorf("external data %q: %w", e.location, err)
		}
		return nil
	})
	return raw, err
}

// embed moves all external data into the model.
func (m *Model) embed() error {
	var total int64
	return eachTensor(m.proto, func(p *onnxpb.TensorProto) error {
		if p.GetDataLocation() != onnxpb.TensorProto_EXTERNAL {
			return nil
		}
		l, err := layoutOf(p, m.dir)
		if err != nil {
			return m.errorf("tensor %q: %w", p.GetName(), err)
		}
		if total += l.ext.length; total > maxBytes {
			return m.errorf("model with its external data takes more than the 2 GiB of an ONNX file")
		}
		if p.RawData, err = l.ext.read(); err != nil {
			return m.errorf("tensor %q: %w", p.GetName(), err)
		}
		p.DataLocation, p.ExternalData = nil, nil
		return nil
	})
}

// eachTensor calls do on every dense tensor of a model, subgraphs and functions included.
func eachTensor(p *onnxpb.ModelProto, do func(*onnxpb.TensorProto) error) error {
	for _, f := range p.Functions {
		if err := eachNodeTensor(f.Node, do); err != nil {
			return err
		}
	}
	return eachGraphTensor(p.Graph, do)
}

func eachGraphTensor(g *onnxpb.GraphProto, do func(*onnxpb.TensorProto) error) error {
	for _, t := range g.Initializer {
		if err := do(t); err != nil {
			return err
		}
	}
	return eachNodeTensor(g.Node, do)
}

func eachNodeTensor(nodes []*onnxpb.NodeProto, do func(*onnxpb.TensorProto) error) error {
	for _, n := range nodes {
		for _, a := range n.Attribute {
			tensors, graphs := a.Tensors, a.Graphs
			if a.T != nil {
				tensors = append([]*onnxpb.TensorProto{a.T}, tensors...)
			}
			if a.G != nil {
				graphs = append([]*onnxpb.GraphProto{a.G}, graphs...)
			}
			for _, t := range tensors {
				if err := do(t); err != nil {
					return err
				}
			}
			for _, g := range graphs {
				if err := eachGraphTensor(g, do); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// pathless drops the path from a file-system error that is told it already.
func pathless(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
