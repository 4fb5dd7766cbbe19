// Package house holds the rules of the house, the packages' order among
// themselves, as a test.
package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors are the packages from the ground up: a package imports those of lower
// floors alone. What is not named stands with the nearest folder above it that is.
var floors = [][]string{
	{"internal"},
	{"onnx/ops"},
	{"onnx/engine"},
	{"onnx"},
	{"onnx/onnxtest", "probe/result", "probe/knn", "train/augment", "train/dataset", "train/labels", "train/optim", "train/zoo"},
	{"probe", "train", "report"},
	{"cmd/memprobe"},
}

// only lists the packages that import no others of the house than these; "…"
// stands for what lies in a folder.
var only = map[string][]string{
	"report":         {"internal/…", "probe/result"},
	"probe/result":   {"internal/…"},
	"probe/knn":      {"internal/…"},
	"train/augment":  {"internal/…"},
	"train/dataset":  {"internal/…"},
	"train/labels":   {"internal/…"},
	"internal/fault": {"internal/show"}, "internal/show": {}, "internal/tensor": {}, "internal/parallel": {"internal/fault"}, "internal/rng": {}, "internal/tol": {}, "internal/onnxpb": {},
}

// keepers are the only importers, beside themselves, of what they hide.
var keepers = map[string][]string{
	"internal/kernel/avx2":          {"internal/kernel"},
	"internal/kernel/avx512":        {"internal/kernel"},
	"internal/kernel/ref":           {"internal/kernel", "internal/kernel/avx2", "internal/kernel/avx512", "onnx/ops"}, // ops: the float64 oracle
	"github.com/owulveryck/onnx-go": {"onnx", "onnx/engine"},
	"gorgonia.org/tensor":           {"onnx/engine"},
	"gonum.org/v1/plot":             {"report"},
}

type file struct {
	pkg, name string
	tree      *ast.File
	imports   []string
}

// files parses what is built: no tests, no generators of assembly.
func files(t *testing.T) []file {
	root := filepath.Join("..", "..")
	var out []file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && (d.Name()[0] == '_' || d.Name()[0] == '.' || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		tree, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		f := file{pkg: path.Dir(filepath.ToSlash(rel)), name: filepath.ToSlash(rel), tree: tree}
		for _, i := range tree.Imports {
			p, _ := strconv.Unquote(i.Path.Value)
			f.imports = append(f.imports, strings.TrimPrefix(p, "memprobe/"))
		}
		out = append(out, f)
		return err
	})
	if err != nil || len(out) < 100 {
		t.Fatalf("%d files: %v", len(out), err)
	}
	return out
}

func within(pkg, folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }

// floor is the floor of a package of the house, −1 for others.
func floor(pkg string) int {
	best, at := "", -1
	for i, names := range floors {
		for _, n := range names {
			if within(pkg, n) && len(n) > len(best) {
				best, at = n, i
			}
		}
	}
	return at
}

func TestImportsPointDown(t *testing.T) {
	for _, f := range files(t) {
		if floor(f.pkg) < 0 {
			t.Errorf("%s stands on no floor", f.pkg)
		}
		for _, i := range f.imports {
			if floor(i) > floor(f.pkg) || floor(i) == floor(f.pkg) && floor(i) > 0 && !within(f.pkg, i) && !within(i, f.pkg) {
				t.Errorf("%s imports %s, which is not below it", f.name, i)
			}
			if allowed, ok := only[f.pkg]; ok && floor(i) >= 0 && !slices.ContainsFunc(allowed, func(a string) bool {
				return a == i || strings.HasSuffix(a, "…") && strings.HasPrefix(i, strings.TrimSuffix(a, "…"))
			}) {
				t.Errorf("%s imports %s; %s may import %v", f.name, i, f.pkg, allowed)
			}
			for kept, keeper := range keepers {
				if within(i, kept) && !within(f.pkg, kept) && !slices.Contains(keeper, f.pkg) {
					t.Errorf("%s imports %s, which is for %v alone", f.name, i, keeper)
				}
			}
		}
	}
}

// Nothing registers itself, and libraries neither log, print nor exit.
func TestLibrariesKeepQuiet(t *testing.T) {
	for _, f := range files(t) {
		program := f.tree.Name.Name == "main"
		for _, spec := range f.tree.Imports {
			p, _ := strconv.Unquote(spec.Path.Value)
			switch {
			case p == "C":
				t.Errorf("%s uses cgo", f.name)
			case (p == "log" || p == "log/slog") && !program:
				t.Errorf("%s logs", f.name)
			case spec.Name != nil && spec.Name.Name == "_" && p != "embed":
				t.Errorf("%s imports %s for its side effects", f.name, p)
			}
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil && f.pkg != "internal/onnxpb" {
					t.Errorf("%s has an init function", f.name)
				}
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if call := n.Sel.Name; ok && !program && (x.Name == "os" && call == "Exit" || x.Name == "fmt" && strings.HasPrefix(call, "Print")) {
					t.Errorf("%s calls %s.%s", f.name, x.Name, call)
				}
			}
			return true
		})
	}
}
