package report

import (
	"bytes"
	"encoding/base64"
	"image/jpeg"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"memprobe/probe/result"
)

// The map of a page has each image where the probe has it: to a thousandth of what the
// layer covers, with one scale for both axes.
func TestMapOfAPage(t *testing.T) {
	p := wholeProbe(5, 4)
	views := figuresIn(t, pageText(t, p))["figure-map"]
	if len(views) != 1 || len(views[0].Map.Layers) != 5 {
		t.Fatalf("%d maps", len(views))
	}
	m := views[0].Map
	for l, layer := range m.Layers {
		if layer.Explained != p.Map.Layers[l].Explained || layer.Name != p.Layers[l].Name {
			t.Errorf("layer %d is %s, %v", l, layer.Name, layer.Explained)
		}
		at := p.Map.Places[l]
		for c, got := range [][]int{layer.X, layer.Y} {
			low := math.Inf(1)
			side := 0.0
			for k := range 2 {
				least, most := math.Inf(1), math.Inf(-1)
				for _, v := range at {
					least, most = min(least, float64(v[k])), max(most, float64(v[k]))
				}
				side = max(side, most-least)
				if k == c {
					low = least
				}
			}
			for i, v := range got {
				if want := 1000 * (float64(at[i][c]) - low) / side; math.Abs(float64(v)-want) > 0.51 {
					t.Fatalf("layer %d, image %d, axis %d: %d, want %.2f", l, i, c, v, want)
				}
			}
		}
	}
	for i, row := range p.Map.Rows {
		s := p.Samples.Rows[row]
		flips := len(p.Layers)
		if s.FlipDepth != nil {
			flips = *s.FlipDepth
		}
		if m.Links[i] != "sample:"+strconv.Itoa(s.Index) || m.Colours[0].Of[i] != s.True ||
			m.Colours[1].Of[i] != s.Assigned || m.Colours[2].Of[i] != flips {
			t.Errorf("point %d is %s with %v", i, m.Links[i], m.Colours)
		}
	}
	deep := wholeProbe(450, 4)
	if n := len(figuresIn(t, pageText(t, deep))["figure-map"][0].Map.Layers); n != 150 {
		t.Errorf("of 450 layers the slider has %d, want every third", n)
	}
}

// The table of single images has the probe's numbers to the last digit, a row each for
// those that sheets show and for the most memorized of the others.
func TestSampleTable(t *testing.T) {
	p := wholeProbe(6, 4)
	text := pageText(t, p)
	_, table, _ := strings.Cut(text, `" id="samples">`)
	rows := regexp.MustCompile(`(?s)<tr data-link="sample:(\d+)">(.*?)</tr>`).FindAllStringSubmatch(table, -1)
	if len(rows) != 3*24+10+maxSampleRows {
		t.Fatalf("%d rows", len(rows))
	}
	cell := regexp.MustCompile(`data-key="([^"]*)"`)
	for _, r := range rows {
		index, _ := strconv.Atoi(r[1])
		s := p.Samples.Rows[index/10]
		keys := cell.FindAllStringSubmatch(r[2], -1)
		want := []string{r[1], p.Data.Classes[s.True], p.Data.Classes[s.Assigned], "",
			printed(float64(s.AssignedShare[4])), printed(float64(s.TrueShare[4]))}
		for i, w := range want {
			if keys[i][1] != w {
				t.Errorf("image %d, column %d: %q, want %q", index, i, keys[i][1], w)
			}
		}
	}
	for _, id := range []string{"sheet-memorized", "sheet-earliest", "sheet-latest", "sheet-never"} {
		if !strings.Contains(text, `id="`+id+`"`) {
			t.Errorf("no %s", id)
		}
	}
}

// The pictures are cells of one JPEG: each shows its own image.
func TestPicturesOfAPage(t *testing.T) {
	p := wholeProbe(5, 4)
	text := pageText(t, p)
	jpg := regexp.MustCompile(`url\(data:image/jpeg;base64,([^)]*)\)`).FindStringSubmatch(text)
	if jpg == nil {
		t.Fatal("no pictures")
	}
	b, err := base64.StdEncoding.DecodeString(jpg[1])
	if err != nil {
		t.Fatal(err)
	}
	sprite, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	cards := regexp.MustCompile(`data-link="sample:(\d+)"><span class="pic" style="--x:(\d+);--y:(\d+)">`).FindAllStringSubmatch(text, -1)
	if len(cards) != 3*24+10 {
		t.Fatalf("%d cards with pictures", len(cards))
	}
	for _, c := range cards {
		index, _ := strconv.Atoi(c[1])
		x, _ := strconv.Atoi(c[2])
		y, _ := strconv.Atoi(c[3])
		// The test's images have a red line at a height of their own.
		reddest, most := -1, 0
		for row := range thumbnail * 3 / 4 {
			sum := 0
			for col := range thumbnail {
				r, g, b, _ := sprite.At(x*thumbnail+col, y*thumbnail+row).RGBA()
				sum += int(r) - int(g+b)/2
			}
			if reddest < 0 || sum > most {
				reddest, most = row, sum
			}
		}
		if want := index / 10 % (thumbnail / 2); reddest-want > 1 || want-reddest > 1 {
			t.Errorf("image %d shows the line at %d, want %d", index/10, reddest, want)
		}
	}
}

// Where nothing can be drawn the page says so, and shows labels alone.
func TestPageWithoutPictures(t *testing.T) {
	p := wholeProbe(5, 4)
	p.Picture = nil
	p.Samples.Rows[0].FlipDepth, p.Data.AssignedClasses = nil, 9
	text := pageText(t, p)
	if strings.Contains(text, `class="pic"`) || strings.Contains(text, "image/jpeg") ||
		!strings.Contains(text, "the inputs are no images") {
		t.Error("a page without pictures shows some, or does not say why there are none")
	}
	p.Samples = nil
	if f := figuresIn(t, pageText(t, p))["figure-map"]; len(f) != 1 || len(f[0].Map.Colours) != 2 {
		t.Error("without single images there is no map of the labels")
	}
	p.Map = &result.Map{Layers: p.Map.Layers}
	if f := figuresIn(t, pageText(t, p))["figure-map"]; f != nil {
		t.Error("a map that was read from JSON, without places, is drawn")
	}
}
