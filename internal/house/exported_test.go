package house

import (
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// public are the packages that other modules import. What is in testdata they cannot.
var public = []string{"./onnx/...", "./probe/...", "./train/...", "./report/..."}

// exported reads the exported declarations of the public packages, by import path, from
// what the compiler wrote of them.
func exported(t *testing.T) map[string]*types.Package {
	t.Helper()
	list := exec.Command("go", append([]string{"list", "-export", "-deps",
		"-f", "{{.ImportPath}}\t{{.Export}}\t{{.DepOnly}}"}, public...)...)
	list.Dir, list.Stderr = filepath.Join("..", ".."), os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	files := map[string]string{}
	var paths []string
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if files[f[0]] = f[1]; f[2] == "false" {
			paths = append(paths, f[0])
		}
	}
	compiled := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(files[path])
	})
	pkgs := map[string]*types.Package{}
	for _, path := range paths {
		if pkgs[path], err = compiled.Import(path); err != nil {
			t.Fatal(err)
		}
	}
	return pkgs
}

// nameless finds the types that other modules meet and cannot name: those of internal
// packages that no public package has an alias of.
type nameless struct {
	named map[*types.TypeName]bool // internal types with a public alias
	seen  map[types.Type]bool
	found map[string]string // the type's name: where it was first met
}

func isInternal(p *types.Package) bool {
	return p != nil && strings.HasPrefix(p.Path(), "memprobe/internal/")
}

// declaration looks at what an exported name shows.
func (n *nameless) declaration(o types.Object) {
	where := strings.TrimPrefix(o.Pkg().Path(), "memprobe/") + "." + o.Name()
	n.typ(where, o.Type())
	if alias, ok := o.Type().(*types.Alias); ok {
		n.typ(where, types.Unalias(alias))
	}
}

func (n *nameless) typ(where string, t types.Type) {
	if t == nil || n.seen[t] {
		return
	}
	n.seen[t] = true
	switch t := t.(type) {
	case *types.Alias:
		n.typ(where, types.Unalias(t))
	case *types.Named:
		n.defined(where, t)
	case interface{ Elem() types.Type }: // pointer, slice, array, map, channel
		if m, ok := t.(*types.Map); ok {
			n.typ(where, m.Key())
		}
		n.typ(where, t.Elem())
	case *types.Tuple:
		for v := range t.Variables() {
			n.typ(where, v.Type())
		}
	case *types.Signature:
		for p := range t.TypeParams().TypeParams() {
			n.typ(where, p.Constraint())
		}
		n.typ(where, t.Params())
		n.typ(where, t.Results())
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() {
				n.typ(where+"."+f.Name(), f.Type())
			}
		}
	case *types.Interface:
		for m := range t.Methods() {
			if m.Exported() {
				n.typ(where+"."+m.Name(), m.Type())
			}
		}
	}
}

// defined looks at a type that has a name: its own, its fields and its methods, those of
// embedded fields included. Types of other modules are theirs to explain; unexported ones,
// as the interface of a protocol buffer's oneof, are met as the types that satisfy them.
func (n *nameless) defined(where string, t *types.Named) {
	for a := range t.TypeArgs().Types() {
		n.typ(where, a)
	}
	pkg := t.Obj().Pkg()
	if pkg == nil || !strings.HasPrefix(pkg.Path(), "memprobe/") {
		return
	}
	name := strings.TrimPrefix(pkg.Path(), "memprobe/") + "." + t.Obj().Name()
	if isInternal(pkg) && t.Obj().Exported() && !n.named[t.Obj()] {
		n.found[name] = where
		return
	}
	n.typ(name, t.Underlying())
	methods := types.NewMethodSet(types.NewPointer(t))
	for m := range methods.Methods() {
		if m.Obj().Exported() {
			n.typ(name+"."+m.Obj().Name(), m.Type())
		}
	}
}

// Whatever a public package exports, other modules can call: every type that a signature,
// a field or a method of it shows has a public name.
func TestOutsidersCanNameTypes(t *testing.T) {
	n := &nameless{named: map[*types.TypeName]bool{}, seen: map[types.Type]bool{}, found: map[string]string{}}
	var objects []types.Object
	for _, p := range exported(t) {
		for _, name := range p.Scope().Names() {
			o := p.Scope().Lookup(name)
			if !o.Exported() {
				continue
			}
			objects = append(objects, o)
			if tn, ok := o.(*types.TypeName); ok && tn.IsAlias() {
				if of, ok := types.Unalias(tn.Type()).(*types.Named); ok {
					n.named[of.Obj()] = true
				}
			}
		}
	}
	if len(objects) < 300 {
		t.Fatalf("found %d exported names, want hundreds", len(objects))
	}
	for _, o := range objects {
		n.declaration(o)
	}
	for name, where := range n.found {
		t.Errorf("%s shows %s, which other modules cannot name", where, name)
	}
}
