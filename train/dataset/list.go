package dataset

// Entry is one NAME of a SPEC.
type Entry struct {
	Name      string `json:"name"`
	Title     string `json:"title"`
	Path      string `json:"path,omitempty"`  // what PATH is: "DIR", "FILE"; empty if it takes none
	Found     string `json:"found,omitempty"` // where the bare name finds it
	Drawn     bool   `json:"drawn"`           // the program makes it; PATH is parameters, which may be left out
	Fetchable bool   `json:"fetchable"`       // Fetch downloads it
}

// List is every NAME of a SPEC, looked for in roots (nil: DefaultRoots()).
func List(roots []string) []Entry {
	var list []Entry
	for _, f := range formats {
		e := Entry{Name: f.name, Title: f.title, Path: f.path, Drawn: f.drawn, Fetchable: published(f.name) != nil}
		if f.places != nil {
			e.Found, _ = f.find(f.name, roots)
		}
		list = append(list, e)
	}
	return list
}
