package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"memprobe/probe/result"
)

// written is p as HTML.
func written(t *testing.T, p *Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// whole is a page that has one of everything, s being every text.
func whole(s string) *Page {
	dots := &Pictures{}
	picture := dots.Add(image.NewGray(image.Rect(0, 0, 8, 8)))
	cell := Cell{Text: s, Key: s, Picture: picture}
	chart := Chart{Name: s, Kind: Lines, Title: s, X: Axis{Label: s, Names: []string{s}}, Y: Axis{Label: s},
		Marks: []Mark{{Name: s}}}
	return &Page{Title: s, Kicker: s, Lead: Lead{Tone: Good, Word: s, Plain: s, Number: s, Change: s, Where: s},
		Numbers: []Number{{s, s, s}}, Notes: []string{s}, Figures: []Figure{{ID: s, Title: s, Caption: s, Source: s, Views: []Chart{chart}}},
		Sheets:   []Sheet{{ID: "sheet", Title: s, Note: s, Cards: []Card{{Link: s, Picture: picture, First: s, Then: s, Text: s}}}},
		Tables:   []Table{{ID: "table", Title: s, Note: s, Hint: s, Columns: []string{s}, Rows: []Row{{Link: s, Cells: []Cell{cell}}}}},
		Pictures: dots, Definitions: []Definition{{s, s, s, s, s, s}}, Settings: [][2]string{{s, s}}, Commands: []string{s},
		Provenance: [][2]string{{s, s}}, Citation: s}
}

var tag = regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)

// elements are the tags of a document by name, without what they say.
func elements(html string) []string {
	var names []string
	for _, s := range tag.FindAllString(html, -1) {
		names = append(names, strings.Trim(strings.Fields(s)[0], "<>"))
	}
	return names
}

// No text makes or ends an element, whatever field it stands in.
func TestTextsAreTexts(t *testing.T) {
	plain, hostile := written(t, whole("text")), written(t, whole("</script></style>\"'<b onclick=x>&\x00\u2028"))
	if got, want := elements(hostile), elements(plain); !slices.Equal(got, want) {
		t.Errorf("the elements are %q, without the texts %q", got, want)
	}
	if strings.Contains(hostile, "<b onclick") {
		t.Error("a text came out as it went in")
	}
}

// The numbers of figures are JSON, in which what was not measured is null.
func TestFiguresAreJSON(t *testing.T) {
	zero, id := 0.0, "a\"</b>\x01"
	p := &Page{Figures: []Figure{{ID: id, Views: []Chart{{Kind: Matrix, X: Axis{Low: &zero},
		Cells: [][]result.Number{{0.25, result.Number(math.NaN())}}, Unit: "share"}}}}}
	data := regexp.MustCompile(`(?s)<script type="application/json" id="figures">(.*?)</script>`).FindStringSubmatch(written(t, p))
	var figures map[string][]map[string]any
	if data == nil || json.Unmarshal([]byte(data[1]), &figures) != nil {
		t.Fatalf("no JSON: %q", data)
	}
	if got, want := fmt.Sprint(figures), fmt.Sprint(map[string][]map[string]any{id: {{"kind": "matrix",
		"x": map[string]any{"low": 0.}, "y": map[string]any{}, "cells": []any{[]any{0.25, nil}}, "unit": "share"}}}); got != want {
		t.Errorf("figures are\n%s, want\n%s", got, want)
	}
	nan := math.NaN()
	err := (&Page{Figures: []Figure{{ID: "curves", Views: []Chart{{X: Axis{Low: &nan}}}}}}).Write(&bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "figure curves") {
		t.Errorf("an axis that begins at NaN: error %v", err)
	}
}

// Views and rows beyond the room are left out, the last first, and notes say so.
func TestWhatIsLeftOut(t *testing.T) {
	chart := Chart{Title: strings.Repeat("x", 1000)}
	p := &Page{Figures: []Figure{{ID: "a", Title: "A", Views: []Chart{chart, chart, chart}}, {ID: "b", Title: "B", Views: []Chart{chart}}}}
	data, err := p.numbers(2500)
	if err != nil || strings.Count(string(data), `"title"`) != 2 || len(p.Figures) != 2 {
		t.Errorf("2,500 bytes hold %.60s… of %d figures, error %v", data, len(p.Figures), err)
	}
	if want := `"A" shows 1 of 3 views here`; len(p.Notes) != 1 || !strings.HasPrefix(p.Notes[0], want) {
		t.Errorf("notes are %q, want %q", p.Notes, want)
	}
	long := Row{Cells: []Cell{{Text: strings.Repeat("&", 1000)}}} // five bytes each
	p = &Page{Tables: []Table{{Title: "rows", Rows: slices.Repeat([]Row{long}, 1000)}, {Title: "more", Rows: []Row{long}}}}
	p.cutTables()
	if n := len(p.Tables[0].Rows); n != maxTables/5040 || len(p.Tables[1].Rows) != 0 || len(p.Notes) != 2 {
		t.Errorf("%d rows of %d bytes are left, notes %q", n, 5040, p.Notes)
	}
}

// A table of many columns lies across on paper; more than two commands are folded.
func TestBroadAndFolded(t *testing.T) {
	for n, want := range map[int]string{10: `class="table"`, 11: `class="table broad"`} {
		p := &Page{Tables: []Table{{ID: "t", Columns: make([]string, n)}}}
		if html := written(t, p); !strings.Contains(html, want) {
			t.Errorf("%d columns: no %s", n, want)
		}
	}
	for n, folded := range map[int]bool{1: false, 2: false, 3: true} {
		html := written(t, &Page{Commands: slices.Repeat([]string{"memprobe analyze x"}, n)})
		if strings.Contains(html, fmt.Sprintf("%d commands</summary>", n)) != folded || strings.Count(html, "memprobe analyze x") != n {
			t.Errorf("%d commands: folded is not %v", n, folded)
		}
	}
}

// Texts stand at the left, long ones in lines, numbers at the right.
func TestCells(t *testing.T) {
	for want, c := range map[string]Cell{"": {Text: "0.5", Key: "0.5"}, "text": {Text: "a", Key: "a"},
		"long": {Text: strings.Repeat("a ", 40), Key: "a"}} {
		if c.Class() != want {
			t.Errorf("%q is of class %q, want %q", c.Text, c.Class(), want)
		}
	}
	table := Table{Rows: []Row{{Cells: []Cell{{Key: "1"}, {Key: ""}, {Key: "2"}}}, {Cells: []Cell{{Key: "NaN"}, {Key: ""}, {Key: "x"}}}}}
	for i, want := range []bool{false, false, true} {
		if table.Textual(i) != want {
			t.Errorf("column %d holds texts: not %v", i, want)
		}
	}
}

// All pictures are one image: each lies where it is said to, and none shines through into another.
func TestPictures(t *testing.T) {
	p := &Pictures{}
	for i := range 40 {
		m := image.NewGray(image.Rect(0, 0, 20, 10))
		for j := range m.Pix {
			m.Pix[j] = uint8(i * 6)
		}
		p.Add(m)
	}
	data, err := p.JPEG()
	if err != nil {
		t.Fatal(err)
	}
	all, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil || all.Bounds() != image.Rect(0, 0, 32*32, 2*32) {
		t.Fatalf("the image is %v, error %v", all.Bounds(), err)
	}
	for i := range 40 {
		at := p.Place(i + 1)
		for _, corner := range []image.Point{at.Min, at.Max.Sub(image.Pt(1, 1))} {
			if v := color.GrayModel.Convert(all.At(corner.X, corner.Y)).(color.Gray).Y; math.Abs(float64(v)-float64(i*6)) > 2 {
				t.Errorf("picture %d is %d at %v, want %d", i+1, v, corner, i*6)
			}
		}
	}
	if data, err := (*Pictures)(nil).JPEG(); data != nil || err != nil {
		t.Errorf("no pictures: %d bytes, error %v", len(data), err)
	}
}
