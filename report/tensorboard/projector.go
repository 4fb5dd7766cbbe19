package tensorboard

import (
	"bufio"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"memprobe/internal/atomicfile"
)

// Embedding is what the projector shows: a point a row, with words and, where there are
// any, pictures of one size.
type Embedding struct {
	Name     string // of the tensor
	Dim      int
	Rows     []float32 // [points, Dim]
	Columns  []string  // of Words
	Words    [][]string
	Pictures []image.Image // nil: none
}

// maxSprite is the side of the image of all pictures that TensorBoard shows, in pixels.
const maxSprite = 8192

// Write writes the embedding into dir: embedding.tsv, metadata.tsv, sprite.png and, last,
// projector_config.pbtxt, which names them.
func (e *Embedding) Write(dir string) error {
	file := func(name string, fill func(w *bufio.Writer) error) error {
		return atomicfile.Write(filepath.Join(dir, name), func(w io.Writer) error {
			b := bufio.NewWriter(w)
			if err := fill(b); err != nil {
				return err
			}
			return b.Flush()
		})
	}
	if err := file("embedding.tsv", func(w *bufio.Writer) error {
		for i := 0; i < len(e.Rows); i += e.Dim {
			for j, v := range e.Rows[i : i+e.Dim] {
				if j > 0 {
					w.WriteByte('\t') // Flush has its error
				}
				w.WriteString(strconv.FormatFloat(float64(v), 'g', -1, 32))
			}
			w.WriteByte('\n')
		}
		return nil
	}); err != nil {
		return err
	}
	if err := file("metadata.tsv", func(w *bufio.Writer) error {
		tabs := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")
		for _, row := range append([][]string{e.Columns}, e.Words...) {
			cells := make([]string, len(row))
			for i, c := range row {
				cells[i] = tabs.Replace(c)
			}
			fmt.Fprintln(w, strings.Join(cells, "\t"))
		}
		return nil
	}); err != nil {
		return err
	}
	sprite := ""
	if all := e.sprite(); all != nil {
		if err := file("sprite.png", func(w *bufio.Writer) error { return png.Encode(w, all) }); err != nil {
			return err
		}
		b := e.Pictures[0].Bounds()
		sprite = fmt.Sprintf("  sprite {\n    image_path: \"sprite.png\"\n    single_image_dim: %d\n    "+
			"single_image_dim: %d\n  }\n", b.Dx(), b.Dy())
	}
	return file("projector_config.pbtxt", func(w *bufio.Writer) error {
		fmt.Fprintf(w, "embeddings {\n  tensor_name: %q\n  tensor_path: \"embedding.tsv\"\n  metadata_path: "+
			"\"metadata.tsv\"\n%s}\n", e.Name, sprite)
		return nil
	})
}

// sprite is the image of all pictures, as many in a row as there are rows at most; nil
// where there are none, or more than TensorBoard shows.
func (e *Embedding) sprite() image.Image {
	if len(e.Pictures) == 0 {
		return nil
	}
	b, side := e.Pictures[0].Bounds(), int(math.Ceil(math.Sqrt(float64(len(e.Pictures)))))
	if side*max(b.Dx(), b.Dy()) > maxSprite {
		return nil
	}
	all := image.NewRGBA(image.Rect(0, 0, side*b.Dx(), side*b.Dy()))
	for i, m := range e.Pictures {
		at := image.Pt(i%side*b.Dx(), i/side*b.Dy())
		draw.Draw(all, image.Rectangle{at, at.Add(b.Size())}, m, m.Bounds().Min, draw.Src)
	}
	return all
}
