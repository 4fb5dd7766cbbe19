package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"memprobe/internal/atomicfile"
	"memprobe/internal/fault"
	"memprobe/internal/infile"
	"memprobe/internal/memory"
	"memprobe/internal/seal"
)

// Encode writes p as indented JSON and sets its schema.
func (p *Probe) Encode(w io.Writer) error {
	p.Schema = ProbeSchema
	return encode(w, p)
}

// WriteFile writes p to path, whole or not at all.
func (p *Probe) WriteFile(path string) error { return atomicfile.Write(path, p.Encode) }

// WriteFile writes m to path, whole or not at all.
func (m *Machine) WriteFile(path string) error {
	return atomicfile.Write(path, func(w io.Writer) error { return encode(w, m) })
}

// DecodeProbe reads a probe of any version 1 schema; fields it does not know
// are left out. The error says which schema was found.
func DecodeProbe(r io.Reader) (*Probe, error) {
	p := new(Probe)
	if err := decode(r, ProbeSchema, p); err != nil {
		return nil, err
	}
	return p, nil
}

// ReadProbe reads the probe in the file at path.
func ReadProbe(path string) (*Probe, error) {
	return read(path, DecodeProbe)
}

// Encode writes r as indented JSON and sets its schema and its checksum.
func (r *Run) Encode(w io.Writer) error {
	r.Schema = RunSchema
	sealed := *r
	sealed.Checksum = seal.Blank()
	var b bytes.Buffer
	if err := encode(&b, &sealed); err != nil {
		return err
	}
	if err := seal.Seal(b.Bytes(), nil); err != nil {
		return err
	}
	_, err := b.WriteTo(w)
	return err
}

// WriteFile writes r to path, whole or not at all.
func (r *Run) WriteFile(path string) error { return atomicfile.Write(path, r.Encode) }

// DecodeRun reads a run. If it has a checksum, that must fit.
func DecodeRun(r io.Reader) (*Run, error) {
	b, err := memory.ReadAll("its content", r, nil)
	if err != nil {
		return nil, err
	}
	v := new(Run)
	if err := decode(bytes.NewReader(b), RunSchema, v); err != nil {
		return nil, err
	}
	if v.Checksum == "" {
		return v, nil
	}
	v.Checksum = ""
	return v, seal.Verify(b, nil)
}

// ReadRun reads the run in the file at path.
func ReadRun(path string) (*Run, error) {
	return read(path, DecodeRun)
}

// ReadEpochsFile reads the metrics.csv at path.
func ReadEpochsFile(path string) ([]Epoch, error) {
	return read(path, ReadEpochs)
}

func read[T any](path string, from func(io.Reader) (T, error)) (T, error) {
	f, _, err := infile.Open(path)
	if err != nil {
		var none T
		return none, err
	}
	defer f.Close()
	v, err := from(f)
	if err != nil {
		return v, fault.Wrap(path, err)
	}
	return v, nil
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// decode reads one document whose schema has the same name and major version
// as want ("name/1" and "name/1.x").
func decode(r io.Reader, want string, v any) error {
	b, err := memory.ReadAll("its content", r, nil)
	if err != nil {
		return err
	}
	var head struct {
		Schema *string `json:"schema"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return fmt.Errorf("not a document of %s: %w", want, fault.Plain(err))
	}
	switch {
	case head.Schema == nil:
		return fmt.Errorf("no schema, want %q", want)
	case *head.Schema != want && !strings.HasPrefix(*head.Schema, want+"."):
		return fmt.Errorf("schema %q, want %q", *head.Schema, want)
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(v); err != nil {
		return fmt.Errorf("not a document of %s: %w", want, fault.Plain(err))
	}
	return nil
}
