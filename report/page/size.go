package page

import (
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
)

// A document stays below 5 MB whatever was measured: of the numbers of figures and of
// the rows of tables it holds so much, and says what it leaves out.
const (
	maxFigures = 3 << 20 // bytes of JSON and of pictures
	maxTables  = 5 << 18 // bytes of HTML
)

// view is a chart in JSON, with its figure.
type view struct {
	figure int
	data   []byte
}

// numbers returns the charts of all figures as JSON, in that many bytes. What is too
// much is left out, the last views of the figures first, with a note.
func (p *Page) numbers(room int) (template.JS, error) {
	var views []view
	for i, f := range p.Figures {
		for j := range f.Views {
			// Marshal escapes <, > and &, so that no name ends the element.
			b, err := json.Marshal(&f.Views[j])
			if err != nil {
				return "", fmt.Errorf("page: figure %s: %w", f.ID, err)
			}
			views = append(views, view{i, b})
		}
	}
	kept := p.chosen(views, room)
	var out strings.Builder
	figures := p.Figures
	p.Figures = nil
	for i, f := range figures {
		if len(kept[i]) < len(f.Views) {
			p.Notes = append(p.Notes, fmt.Sprintf("%q shows %d of %d views here; the files beside this one have all "+
				"numbers.", f.Title, len(kept[i]), len(f.Views)))
		}
		if len(kept[i]) == 0 {
			continue
		}
		id, err := json.Marshal(f.ID)
		if err != nil {
			return "", fmt.Errorf("page: figure %s: %w", f.ID, err)
		}
		fmt.Fprintf(&out, ",%s:[%s]", id, strings.Join(kept[i], ","))
		p.Figures = append(p.Figures, f)
	}
	return template.JS("{" + strings.TrimPrefix(out.String(), ",") + "}"), nil
}

// chosen returns the views that are kept of each figure: rounds over the figures, each
// of which takes the next view of every figure while there is room.
func (p *Page) chosen(views []view, room int) map[int][]string {
	waiting := map[int][]view{}
	for _, v := range views {
		waiting[v.figure] = append(waiting[v.figure], v)
	}
	kept := map[int][]string{}
	for taken := true; taken; {
		taken = false
		for i := range p.Figures {
			if len(waiting[i]) > 0 && len(waiting[i][0].data) <= room {
				v := waiting[i][0]
				waiting[i], room, taken = waiting[i][1:], room-len(v.data), true
				kept[i] = append(kept[i], string(v.data))
			}
		}
	}
	return kept
}

// cutTables leaves out the rows for which there is no room, with a note.
func (p *Page) cutTables() {
	const tags = 40 // bytes of a cell's markup
	room := maxTables
	for i := range p.Tables {
		t := &p.Tables[i]
		for j, r := range t.Rows {
			for _, c := range r.Cells {
				room -= tags + len(template.HTMLEscapeString(c.Text)) + len(template.HTMLEscapeString(c.Key))
			}
			if room < 0 {
				p.Notes = append(p.Notes, fmt.Sprintf("%q shows %d of %d rows here; the files beside this one have "+
					"all of them.", t.Title, j, len(t.Rows)))
				t.Rows = t.Rows[:j]
				break
			}
		}
	}
}
