package npy

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"memprobe/internal/show"
)

// NamesFile is the entry of an archive, besides its arrays, that maps the names of
// entries to those that their arrays have, as a JSON object, where these differ.
const NamesFile = "names.json"

// safeNames returns names for entries of an archive: each array's own where that can be
// unpacked and printed everywhere, else one like it; and what the others are called.
// All names are different if the arrays' are.
func safeNames(own []string) (names []string, changed map[string]string) {
	names, changed = make([]string, len(own)), map[string]string{}
	taken := map[string]bool{}
	for i, name := range own {
		if safeName(name) == name {
			names[i], taken[name] = name, true
		}
	}
	for i, name := range own {
		if safeName(name) == name {
			continue
		}
		like := safeName(name)
		for names[i] = like; taken[names[i]]; names[i] = fmt.Sprintf("%s~%d", like, i) {
		}
		taken[names[i]], changed[names[i]] = true, name
	}
	return names, changed
}

// safeName returns a name of at most show.MaxName characters that print, that is no
// path upwards and has no backslash, which is a separator to some.
func safeName(name string) string {
	if len(name) > utf8.UTFMax*show.MaxName {
		name = name[:utf8.UTFMax*show.MaxName]
	}
	name = strings.Map(func(r rune) rune {
		if r == '\\' || r == utf8.RuneError || !strconv.IsPrint(r) {
			return '_'
		}
		return r
	}, name)
	if r := []rune(name); len(r) > show.MaxName {
		name = string(r[:show.MaxName])
	}
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if p == "." || p == ".." {
			parts[i] = strings.Repeat("_", len(p))
		}
	}
	return strings.Join(parts, "/")
}
