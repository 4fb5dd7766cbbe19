package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pathsOf are the files that a row of a document's table names, as paths from the root,
// from internal/kernel or from where the file before lies, and what else it quotes.
func pathsOf(t *testing.T, root, row string) (files, words []string) {
	t.Helper()
	dir := ""
	for _, quoted := range regexp.MustCompile("`[^`]+`").FindAllString(row, -1) {
		name := strings.Trim(quoted, "`")
		if strings.ContainsAny(name, " $") || strings.HasPrefix(name, "..") {
			continue // a command, or what lies outside
		}
		var found []string
		for _, base := range []string{"", "internal/kernel", dir} {
			if len(found) == 0 {
				found, _ = filepath.Glob(filepath.Join(root, base, name))
			}
		}
		switch {
		case len(found) > 0:
			files = append(files, found...)
			if dir, _ = filepath.Rel(root, found[0]); strings.HasSuffix(dir, ".go") {
				dir = filepath.Dir(dir)
			}
		case strings.Contains(name, "/") || strings.HasSuffix(name, ".go"):
			t.Errorf("%q is in no place that this row could mean: %s", name, row)
		default:
			words = append(words, name)
		}
	}
	return files, words
}

// sources returns the text of files, and of all below folders.
func sources(t *testing.T, files []string) string {
	t.Helper()
	var text strings.Builder
	for _, file := range files {
		err := filepath.WalkDir(file, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			text.Write(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// The ways that the documents show lead somewhere: files that a row of a table names are
// there, and in one of them is what else the row names.
func TestWaysLeadSomewhere(t *testing.T) {
	root := filepath.Join("..", "..")
	rows := 0
	for _, doc := range []string{"docs/architecture.md", "CONTRIBUTING.md"} {
		b, err := os.ReadFile(filepath.Join(root, doc))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if !strings.HasPrefix(line, "| ") {
				continue
			}
			files, words := pathsOf(t, root, line)
			if len(files) == 0 {
				continue
			}
			rows++
			text := sources(t, files)
			for _, w := range words {
				if !strings.Contains(text, w[strings.LastIndex(w, ".")+1:]) {
					t.Errorf("%s: nothing of this row's files has %q: %s", doc, w, line)
				}
			}
		}
	}
	if rows < 20 {
		t.Errorf("%d rows name files, want at least 20", rows)
	}
}
