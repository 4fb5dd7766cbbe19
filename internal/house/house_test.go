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
	{"onnx/tensor", "onnx/ops"},
	{"onnx/engine"},
	{"onnx"},
	{"onnx/onnxgo", "onnx/onnxtest", "probe/result", "probe/knn", "probe/store", "train/augment", "train/dataset",
		"train/labels", "train/optim", "train/zoo"},
	{"probe", "train", "report"},
	{"cmd/memprobe", "internal/tool"},
}

// only lists the packages that import no others of the house than these; "…"
// stands for what lies in a folder.
var only = map[string][]string{
	"report":             {"internal/…", "probe/result", "report/page"},
	"report/page":        {"internal/…", "probe/result"},
	"report/tensorboard": {"internal/…"},
	"probe/result":       {"internal/…"},
	"probe/knn":          {"internal/…"},
	"probe/store":        {"internal/…"},
	"train/augment":      {"internal/…"},
	"train/dataset":      {"internal/…"},
	"train/labels":       {"internal/…"},
	"internal/jpeg":      {"internal/memory", "internal/kernel/picture"}, "internal/show": {},
	"internal/fault": {"internal/mapped", "internal/show"}, "internal/mapped": {},
	"internal/tensor": {}, "internal/parallel": {"internal/fault"}, "internal/rng": {}, "internal/tol": {},
	"internal/onnxpb": {},
}

// keepers are the only importers, beside themselves, of what they hide.
var keepers = map[string][]string{
	"internal/kernel/avx2":          {"internal/kernel/…"},
	"internal/kernel/avx512":        {"internal/kernel/…"},
	"internal/kernel/ref":           {"internal/kernel/…", "onnx/ops"}, // ops: the float64 oracle
	"github.com/owulveryck/onnx-go": {"onnx/onnxgo"},
	"gorgonia.org/tensor":           {"onnx/onnxgo"},
	"gonum.org/v1/plot":             {"report"},
}

// kernelRooms are the rooms of internal/kernel from the ground up, and which of them each
// may import. What lies below the rooms, the implementations, all may.
var kernelRooms = []struct {
	name string
	may  []string
}{
	{"check", nil},
	{"cpu", nil},
	{"vec", []string{"check", "cpu"}},
	{"tile", []string{"check", "cpu"}},
	{"gemm", []string{"check", "tile", "vec"}},
	{"conv/method", nil},
	{"conv/patch", []string{"conv/method", "tile"}},
	{"conv/depthwise", []string{"conv/method", "conv/patch", "cpu", "tile"}},
	{"conv/winograd", []string{"conv/method", "cpu", "tile", "vec"}},
	{"conv", []string{"check", "conv/depthwise", "conv/method", "conv/patch", "conv/winograd", "gemm", "tile", "vec"}},
	{"norm", []string{"check", "vec"}},
	{"pool", []string{"check", "cpu", "tile", "vec"}},
	{"pixel", []string{"check", "cpu"}},
	{"picture", []string{"check", "cpu"}},
	{"nearest", []string{"check", "cpu"}},
	{"quant", []string{"check", "cpu"}},
	{"kerneltest", []string{"conv/method", "cpu"}}, // for tests of the others
}

// implementations are what the rooms of internal/kernel choose between.
var implementations = []string{"ref", "avx2", "avx512"}

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

// listed reports whether a list has a package, or a folder above it with "…".
func listed(list []string, pkg string) bool {
	return slices.ContainsFunc(list, func(a string) bool {
		return a == pkg || strings.HasSuffix(a, "…") && strings.HasPrefix(pkg, strings.TrimSuffix(a, "…"))
	})
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
			if allowed, ok := only[f.pkg]; ok && floor(i) >= 0 && !listed(allowed, i) {
				t.Errorf("%s imports %s; %s may import %v", f.name, i, f.pkg, allowed)
			}
			for kept, keeper := range keepers {
				if within(i, kept) && !within(f.pkg, kept) && !listed(keeper, f.pkg) {
					t.Errorf("%s imports %s, which is for %v alone", f.name, i, keeper)
				}
			}
		}
	}
}

// The rooms of the kernel stand on each other in the order of their list: none imports
// one that comes later, and none what is not its own.
func TestKernelRooms(t *testing.T) {
	const kernel = "internal/kernel/"
	may := map[string][]string{}
	for _, r := range kernelRooms {
		for _, below := range r.may {
			if may[below] == nil {
				t.Errorf("%s may import %s, which does not stand below it", r.name, below)
			}
		}
		may[r.name] = append(append([]string{}, r.may...), implementations...)
	}
	seen := map[string]bool{}
	for _, f := range files(t) {
		room, ok := strings.CutPrefix(f.pkg, kernel)
		if !ok || slices.Contains(implementations, room) {
			continue
		}
		seen[room] = true
		allowed, known := may[room]
		if !known {
			t.Errorf("%s is no room of the kernel", f.pkg)
		}
		for _, i := range f.imports {
			if below, ok := strings.CutPrefix(i, kernel); ok && !slices.Contains(allowed, below) {
				t.Errorf("%s imports %s; %s may import %v", f.name, i, f.pkg, allowed)
			}
		}
	}
	if len(seen) != len(may) {
		t.Errorf("found the rooms %v, want all of %v", seen, may)
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
				if call := n.Sel.Name; ok && !program &&
					(x.Name == "os" && call == "Exit" || x.Name == "fmt" && strings.HasPrefix(call, "Print")) {
					t.Errorf("%s calls %s.%s", f.name, x.Name, call)
				}
			}
			return true
		})
	}
}
