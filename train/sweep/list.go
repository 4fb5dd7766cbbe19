package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"memprobe/internal/atomicfile"
	"memprobe/internal/fault"
	"memprobe/internal/filelock"
	"memprobe/internal/infile"
)

// ListSchema names the format of sweep.json.
const ListSchema = "memprobe.sweep/1"

// List is sweep.json: which cells a folder holds, by name. A folder that several
// plans share lists the cells of all.
type List struct {
	Schema string            `json:"schema"`
	Cells  map[string]Listed `json:"cells"`
}

// Listed is a cell of a list.
type Listed struct {
	Plan    string         `json:"plan"`
	Variant string         `json:"variant,omitempty"`
	Point   []string       `json:"point,omitempty"`
	Config  map[string]any `json:"config"`
}

// WriteList adds a plan's cells to dir/sweep.json, which it makes if need be.
func (p *Plan) WriteList(ctx context.Context, dir string) error {
	lock, err := filelock.Wait(ctx, filepath.Join(dir, ".locks", "sweep"))
	if err != nil {
		return err
	}
	defer lock.Unlock()
	path := filepath.Join(dir, "sweep.json")
	list, err := readList(path)
	if err != nil {
		return err
	}
	for _, c := range p.Cells {
		list.Cells[c.Name] = Listed{p.Name, c.Variant, c.Point, c.Config.Map()}
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(list)
	})
}

func readList(path string) (*List, error) {
	list := &List{Schema: ListSchema}
	b, err := infile.Read(path)
	if err == nil {
		err = json.Unmarshal(b, list)
	}
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fault.Wrap(path, err)
	case list.Schema != ListSchema:
		return nil, fault.Errorf(path, "schema %q, want %q", list.Schema, ListSchema)
	case list.Cells == nil:
		list.Cells = map[string]Listed{}
	}
	return list, nil
}
