package main

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"memprobe/internal/npy"
	"memprobe/onnx"
)

// hostile is a name that harms whatever shows it as it is: a formula to spreadsheets,
// colours and a new line to terminals, marks of direction, markup of every document,
// bytes that are no UTF-8, and ten thousand characters more.
const hostile = "=cmd|' /C calc'!A0\x1b[31m\x07\r\nFORGED line\u202e\u2066\u0085" +
	"<script>alert(1)</script><img src=x onerror=alert(2)>|`x`[a](b)&amp;$\\input{x}%_#{}^~\x00\x7f\xff\t"

var long = strings.Repeat("A", 10000)

// hostileName is that name for the i-th thing that has one.
func hostileName(i int) string { return hostile + strconv.Itoa(i) + long }

// hostileModel is the test model with hostile names throughout.
func hostileModel(t *testing.T, file string) {
	t.Helper()
	m, err := onnx.Load(malign)
	if err != nil {
		t.Fatal(err)
	}
	m.SetMetadata(hostileName(0), hostileName(1))
	m.SetMetadata("note", hostileName(2))
	p := m.Proto()
	text := func(s string) *string { return &s }
	p.ProducerName, p.ProducerVersion, p.Domain,
		p.DocString = text(hostileName(3)), text(hostileName(4)), text(hostileName(5)), text(hostileName(6))
	g, names := p.Graph, map[string]string{}
	g.Name, g.DocString = text(hostileName(7)), text(hostileName(8))
	rename := func(name string) string {
		if name == "" {
			return ""
		}
		if names[name] == "" {
			names[name] = hostileName(10 + len(names))
		}
		return names[name]
	}
	for _, n := range g.Node {
		n.Name, n.DocString = text(rename("node "+n.GetName())), text(hostileName(9))
		for _, list := range [][]string{n.Input, n.Output} {
			for i, name := range list {
				list[i] = rename(name)
			}
		}
	}
	for _, v := range slices.Concat(g.Input, g.Output, g.ValueInfo) {
		v.Name = text(rename(v.GetName()))
	}
	for _, w := range g.Initializer {
		w.Name = text(rename(w.GetName()))
	}
	m, err = onnx.FromProto(p)
	if err == nil {
		err = m.Save(file)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// hostileSet is a folder of pictures whose classes and files have hostile names, as far
// as file systems let them.
func hostileSet(t *testing.T, dir string) {
	t.Helper()
	var b bytes.Buffer
	class := strings.NewReplacer("/", "", "\x00", "").Replace(hostile)
	for i := range 4 {
		for split, n := range map[string]int{"train": 12, "test": 4} {
			at := filepath.Join(dir, split, fmt.Sprintf("%s%d", class, i))
			if err := os.MkdirAll(at, 0o755); err != nil {
				t.Fatal(err)
			}
			for k := range n {
				m := image.NewGray(image.Rect(0, 0, 28, 28))
				for j := range m.Pix {
					m.Pix[j] = byte(j*(k+3)*(i+1) + j*j)
				}
				b.Reset()
				png.Encode(&b, m)
				if err := os.WriteFile(filepath.Join(at, fmt.Sprintf("%s%d.png", class, k)), b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// Whatever names models, sets and runs have, what people read shows them escaped, in one
// line and shortened, and so that no program takes them for more than text.
func TestHostileNames(t *testing.T) {
	if testing.Short() {
		t.Skip("runs thirty commands that other tests run too")
	}
	dir := t.TempDir()
	model, set, store := filepath.Join(dir, "model.onnx"), filepath.Join(dir, "set"), filepath.Join(dir, "store")
	hostileModel(t, model)
	hostileSet(t, set)
	folder := filepath.Join(dir, strings.NewReplacer("/", "", "\x00", "").Replace(hostile))
	data, at := "images:"+set, func(name string) string { return filepath.Join(dir, name) }
	small := []string{"--quiet", "--k", "3", "--draws", "2", "--batch", "8", "--store", store,
		"--format", "png,pdf,html,svg"}
	for _, c := range []struct {
		code int
		args []string
	}{
		{0, []string{"inspect", model}}, {0, []string{"inspect", model, "--json"}},
		{0, []string{"inspect", model, "--weights"}},
		{0, []string{"data", "info", data}}, {0, []string{"data", "info", data, "--json"}},
		{0, []string{"data", "card", data}},
		{0, []string{"data", "preview", "--data", data, "--augment", "crop-flip", "--out", at("preview.png")}},
		{0, append([]string{"analyze", model, "--data", data, "--metrics", "all", "--labels", "random",
			"--out", at("report")}, small...)},
		{0, append([]string{"analyze", model, "--data", data, "--against", malign, "--json", "--out", at("against")},
			small...)},
		{0, []string{"extract", model, "--data", data, "--layers", "all", "--quiet", "--out", at("x.npz")}},
		{0, []string{"store", "list", "--store", store}},
		{0, []string{"bench", "infer", model, "--shape", "1,1,28,28", "--steps", "1"}},
		{0, []string{"train", "--init", model, "--data", data, "--epochs", "1", "--batch", "8", "--probe-every", "1",
			"--log-losses", "--tensorboard", "--quiet", "--out", folder}},
		{0, append([]string{"analyze", folder, "--out", at("own")}, small...)},
		{0, []string{"rewind", folder, "--quiet", "--k", "3", "--out", at("rewound")}},
		{0, []string{"compare", folder, at("report"), "--each", "--format", "png,pdf,html,svg", "--out", at("comparison")}},
		{0, []string{"compare", folder, at("report"), "--table", "csv", "--format", "none", "--out", at("csv")}},
		{0, []string{"compare", folder, at("report"), "--table", "markdown", "--format", "none", "--out", at("md")}},
		{0, []string{"compare", folder, at("report"), "--table", "latex", "--format", "none", "--out", at("tex")}},
		{2, []string{"analyze", model, "--data", hostile}}, {2, []string{hostile}},
		{2, []string{"analyze", "--" + strings.ReplaceAll(hostile, "=", "")}},
		{2, []string{"train", "--augment", hostileName(0)}}, {2, []string{"train",
			"--arch", hostileName(0)}}, {2, []string{"analyze", model, "--metrics", hostileName(0)}},
		{2, []string{"extract", model, "--data", data, "--layers", hostileName(0), "--out", at("y.npz")}},
		{2, []string{"compare", folder, "--sort", hostileName(0)}}, {3, []string{"inspect", folder}},
		{3, []string{"analyze", model, "--logits", hostileName(0), "--data", data}},
		{3, []string{"compare", at("none" + hostile[:20])}}, {3, []string{"sweep", folder}},
	} {
		code, out, msg := runMemprobe(c.args...)
		if code != c.code {
			t.Errorf("%.100q: exit %d, want %d: %.500q", c.args, code, c.code, msg)
		}
		what := fmt.Sprintf("%.60q", c.args)
		switch {
		case slices.Contains(c.args, "--json") || c.args[0] == "bench" || slices.Contains(c.args, "card"):
			if !json.Valid([]byte(out)) {
				t.Errorf("%s prints no JSON", what)
			}
		case slices.Contains(c.args, "csv"):
			checkCSV(t, what, []byte(out))
		case slices.Contains(c.args, "markdown"):
			checkMarkdown(t, what, out)
		case slices.Contains(c.args, "latex"):
			checkLaTeX(t, what, out)
		default:
			checkText(t, what, out)
		}
		checkText(t, what, msg)
	}
	checkFiles(t, dir, set)
}

// checkText holds text for people to lines that are not forged, to what prints, and to
// names of at most 256 characters.
func checkText(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s: is no UTF-8", what)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if i := strings.IndexFunc(line, func(r rune) bool { return !strconv.IsPrint(r) }); i >= 0 {
			t.Errorf("%s: shows %.80q", what, line[max(0, i-20):])
		}
		if strings.HasPrefix(strings.TrimSpace(line), "FORGED") {
			t.Errorf("%s: a name begins a line", what)
		}
	}
	if strings.Contains(text, long[:257]) {
		t.Errorf("%s: a name is not shortened", what)
	}
}

// checkCSV holds every cell of a table to text that a spreadsheet does not run.
func checkCSV(t *testing.T, what string, data []byte) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	for _, row := range rows {
		for _, cell := range row {
			checkText(t, what, cell)
			if _, err := strconv.ParseFloat(cell, 64); err != nil && cell != "" &&
				strings.ContainsRune("=+-@", rune(cell[0])) || strings.Contains(cell, "\n") {
				t.Errorf("%s: cell %.40q", what, cell)
			}
		}
	}
}

var unescapedPipe = regexp.MustCompile(`(^|[^\\])\|`)

// checkMarkdown holds a table to as many cells a row, without markup in them.
func checkMarkdown(t *testing.T, what, text string) {
	t.Helper()
	checkText(t, what, text)
	cells := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		n := len(unescapedPipe.FindAllString(line, -1))
		if cells == 0 {
			cells = n
		}
		if n != cells || strings.Contains(line, "<script") || strings.Contains(line, "[a](b)") {
			t.Errorf("%s: %d cells, want %d: %.300q", what, n, cells, line)
		}
	}
}

var texCommand = regexp.MustCompile(`\\(textbackslash|textasciicircum|textasciitilde|textless|textgreater|textbar|textquotesingle)\{\}|\$(\\pm|\\delta|-)\$|\\[{}$&#%_\\]`)

// checkLaTeX holds the rows of a table to text that TeX prints.
func checkLaTeX(t *testing.T, what, text string) {
	t.Helper()
	checkText(t, what, text)
	_, rows, _ := strings.Cut(text, "\\toprule\n")
	rows, _, _ = strings.Cut(rows, "\\bottomrule")
	cells := 0
	for line := range strings.Lines(strings.ReplaceAll(rows, "\\midrule\n", "")) {
		plain := texCommand.ReplaceAllString(line, "")
		if cells == 0 {
			cells = strings.Count(plain, "&")
		}
		if strings.Count(plain, "&") != cells || strings.ContainsAny(plain, `\{}$#%_^~`) {
			t.Errorf("%s: %.300q", what, plain)
		}
	}
}

// checkFiles checks all that was written below dir, but for the set.
func checkFiles(t *testing.T, dir, set string) {
	seen := map[string]int{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == set:
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		what := filepath.Base(path)
		seen[filepath.Ext(path)]++
		switch filepath.Ext(path) {
		case ".csv":
			checkCSV(t, what, data)
		case ".md":
			checkMarkdown(t, what, string(data))
		case ".json":
			if !json.Valid(data) {
				t.Errorf("%s: no JSON", what)
			}
		case ".html":
			checkPage(t, what, string(data))
		case ".svg":
			checkXML(t, what, data)
		case ".pdf":
			checkPDF(t, what, path)
		case ".npz":
			checkArchive(t, what, path)
		}
		if strings.HasPrefix(what, "events.") {
			seen["events"]++
			for _, raw := range []string{hostile[:24], "\r\nFORGED"} {
				if bytes.Contains(data, []byte(raw)) {
					t.Errorf("%s: has a name as it is", what)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, ext := range []string{".csv", ".md", ".json", ".html", ".svg", ".pdf", ".npz", "events"} {
		if seen[ext] == 0 {
			t.Errorf("no %s was written", ext)
		}
	}
}

// checkPage holds a page to its own markup.
func checkPage(t *testing.T, what, text string) {
	t.Helper()
	for _, raw := range []string{"<script>alert", "<img src=x", "\x1b", "\u202e", "\x00", "FORGED line\u202e",
		long[:257]} {
		if strings.Contains(text, raw) {
			t.Errorf("%s: has %.40q", what, raw)
		}
	}
	if !utf8.ValidString(text) {
		t.Errorf("%s: is no UTF-8", what)
	}
}

func checkXML(t *testing.T, what string, data []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		switch v := token.(type) {
		case xml.StartElement:
			if v.Name.Local == "script" || v.Name.Local == "img" {
				t.Errorf("%s: has an element %s", what, v.Name.Local)
			}
		case xml.CharData:
			checkText(t, what, string(bytes.ReplaceAll(v, []byte("\t"), nil)))
		}
	}
}

// checkPDF reads the text of a document, where there is a program for it.
func checkPDF(t *testing.T, what, path string) {
	t.Helper()
	program, err := exec.LookPath("pdftotext")
	if err != nil {
		return
	}
	text, err := exec.Command(program, path, "-").CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v: %s", what, err, text)
	}
	checkText(t, what, strings.ReplaceAll(string(text), "\f", ""))
}

// checkArchive holds the entries of an archive to names that can be unpacked anywhere.
func checkArchive(t *testing.T, what, path string) {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer z.Close()
	for _, f := range z.File {
		checkText(t, what, f.Name)
		if strings.ContainsAny(f.Name, "\\") || slices.Contains(strings.Split(f.Name, "/"), "..") {
			t.Errorf("%s: entry %q", what, f.Name)
		}
	}
	if f, err := z.Open(npy.NamesFile); err != nil {
		t.Errorf("%s: does not say what its tensors are called: %v", what, err)
	} else {
		f.Close()
	}
}
