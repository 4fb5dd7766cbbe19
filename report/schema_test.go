package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"memprobe/probe/result"
)

const schemas = "../docs/schema"

// conforms holds a document to a schema of docs/schema.
func conforms(t *testing.T, name string, doc []byte) error {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(schemas, name))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// What is written conforms to its schema, and what is wrong in it does not.
func TestDocumentsConform(t *testing.T) {
	var probe, comparison bytes.Buffer
	if err := wholeProbe(6, 3).Encode(&probe); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	dir := outline{dir: "run", epochs: 20, of: 40, fit: 0.5, probe: 0.2}.write(t, root)
	run, err := os.ReadFile(filepath.Join(dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := variants(t).Table(false).Write(&comparison, "json"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		doc    []byte
		spoilt [2]string // a text of the document, and what makes it wrong
	}{
		"probe.schema.json":      {probe.Bytes(), [2]string{`"margin": `, `"margins": `}},
		"run.schema.json":        {run, [2]string{`"finished": false`, `"finished": "no"`}},
		"comparison.schema.json": {comparison.Bytes(), [2]string{`"sd": `, `"deviation": `}},
	} {
		if err := conforms(t, name, c.doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wrong := bytes.Replace(c.doc, []byte(c.spoilt[0]), []byte(c.spoilt[1]), 1)
		if bytes.Equal(wrong, c.doc) || conforms(t, name, wrong) == nil {
			t.Errorf("%s: %s in place of %s conforms", name, c.spoilt[1], c.spoilt[0])
		}
	}
}

// The schemas have the fields of the types, no more and no fewer.
func TestSchemasHaveAllFields(t *testing.T) {
	for name, typ := range map[string]reflect.Type{"probe.schema.json": reflect.TypeFor[result.Probe](),
		"run.schema.json": reflect.TypeFor[result.Run]()} {
		b, err := os.ReadFile(filepath.Join(schemas, name))
		if err != nil {
			t.Fatal(err)
		}
		type object struct {
			Properties map[string]any
			Required   []string
		}
		var root struct {
			object
			Defs map[string]object `json:"$defs"`
		}
		if err := json.Unmarshal(b, &root); err != nil {
			t.Fatal(err)
		}
		root.Defs[typ.Name()] = root.object
		seen := map[reflect.Type]bool{}
		var check func(typ reflect.Type)
		check = func(typ reflect.Type) {
			switch typ.Kind() {
			case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Array:
				check(typ.Elem())
				return
			case reflect.Struct:
			default:
				return
			}
			if seen[typ] {
				return
			}
			seen[typ] = true
			def := root.Defs[typ.Name()]
			fields, required := map[string]bool{}, []string{}
			for i := range typ.NumField() {
				field, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				if field == "-" {
					continue
				}
				fields[field] = true
				if options == "" {
					required = append(required, field)
				}
				if def.Properties[field] == nil {
					t.Errorf("%s: %s has no %q", name, typ.Name(), field)
				}
				check(typ.Field(i).Type)
			}
			for field := range def.Properties {
				if !fields[field] {
					t.Errorf("%s: %s has %q, which no document has", name, typ.Name(), field)
				}
			}
			slices.Sort(required)
			if slices.Sort(def.Required); !slices.Equal(required, def.Required) {
				t.Errorf("%s: %s requires %v, want %v", name, typ.Name(), def.Required, required)
			}
		}
		check(typ)
	}
}
