package report

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"memprobe/internal/absent"
	"memprobe/report/page"
)

// streams returns the contents of a document's streams, inflated where they are
// deflated.
func streams(t *testing.T, pdf []byte) [][]byte {
	t.Helper()
	var out [][]byte
	for _, m := range regexp.MustCompile(`(?s)<<([^>]*)/Length (\d+)[^>]*>>\s*stream\n`).FindAllSubmatchIndex(pdf, -1) {
		var n int
		fmt.Sscan(string(pdf[m[4]:m[5]]), &n)
		data := pdf[m[1] : m[1]+n]
		if bytes.Contains(pdf[m[0]:m[1]], []byte("/FlateDecode")) {
			r, err := zlib.NewReader(bytes.NewReader(data))
			if err == nil {
				data, err = io.ReadAll(r)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, data)
	}
	return out
}

// shown returns the texts that a document shows, a line each. Their codes are two
// bytes (Identity-H), which the CMap of /ToUnicode must map to themselves.
func shown(t *testing.T, pdf []byte) string {
	t.Helper()
	if bytes.Count(pdf, []byte("/Encoding /Identity-H")) == 0 || bytes.Contains(pdf, []byte("WinAnsi")) {
		t.Error("a font has no Unicode encoding")
	}
	var lines []string
	mapped := false
	for _, s := range streams(t, pdf) {
		mapped = mapped || bytes.Contains(s, []byte("<0000> <FFFF> <0000>"))
		for _, m := range regexp.MustCompile(`(?s)Td \(((?:[^\\)]|\\.)*)\) Tj`).FindAllSubmatch(s, -1) {
			raw := strings.NewReplacer(`\\`, `\`, `\(`, `(`, `\)`, `)`, `\r`, "\r").Replace(string(m[1]))
			var codes []uint16
			for i := 0; i+1 < len(raw); i += 2 {
				codes = append(codes, uint16(raw[i])<<8|uint16(raw[i+1]))
			}
			lines = append(lines, string(utf16.Decode(codes)))
		}
	}
	if !mapped {
		t.Error("no CMap maps codes to Unicode")
	}
	return strings.Join(lines, "\n")
}

// Text comes out of a document as it went in, without any file beside it.
func TestPDFText(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	facts := [][2]string{{"formula", `E|g(Tx) − g(T'x)|² (of \ 9) ± 0.01 …`},
		{"class", "Äpfel größer naïve щука €"}, {"beyond", "a😀b 猫"}}
	var b bytes.Buffer
	figures, err := probeFigures(probed(4, 3))
	if err != nil {
		t.Fatal(err)
	}
	d := &page.Page{Kicker: "memprobe: Übersicht", Settings: facts,
		Tables: []page.Table{{Columns: []string{"run", "fit"},
			Rows: []page.Row{{Cells: []page.Cell{{Text: "crop-flip"}, {Text: "0.912 ± 0.003"}}}}}}}
	if err := writePDF(&b, d, figures); err != nil {
		t.Fatal(err)
	}
	text := shown(t, b.Bytes())
	for _, want := range []string{"memprobe: Übersicht", facts[0][1], facts[1][1], "a\ufffdb 猫", "0.912 ± 0.003",
		"accuracy"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the text of the document:\n%s", want, text)
		}
	}
	tool, err := exec.LookPath("pdftotext")
	if err != nil {
		absent.Skip(t, "no pdftotext here (poppler-utils): only this test's own reader has read the document")
	}
	c := exec.Command(tool, "-layout", "-", "-")
	c.Stdin = &b
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"Übersicht", facts[0][1], "größer naïve щука €", "0.912 ± 0.003"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("pdftotext finds no %q:\n%s", want, out)
		}
	}
}

// A stroke keeps its width, and its absence, over Push and Pop.
func TestCanvasState(t *testing.T) {
	c := newCanvas(vg.Points(50), vg.Points(40))
	line := vg.Path{{Type: vg.MoveComp}, {Type: vg.LineComp, Pos: vg.Point{X: 10, Y: 10}}}
	c.SetLineWidth(0)
	c.Push()
	c.SetLineWidth(2)
	c.Stroke(line)
	c.Pop()
	c.Stroke(line) // nothing
	d := draw.NewCanvas(c, 50, 40)
	d.FillText(textStyle(0), vg.Point{}, "no size")
	var b bytes.Buffer
	if err := c.writeTo(&b); err != nil {
		t.Fatal(err)
	}
	page := string(streams(t, b.Bytes())[0])
	if strings.Count(page, "\nS\n") != 1 || strings.Count(page, "q\n") != strings.Count(page, "Q\n") ||
		strings.Contains(page, "Tj") {
		t.Errorf("want one stroke, as many Q as q, and no text:\n%s", page)
	}
}
