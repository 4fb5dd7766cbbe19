package sweep

import (
	"fmt"
	"testing"
)

// A cell's name finds its finished run again, so that no change of the program may
// change the names of plans that were possible before.
func TestCellNamesStayTheSame(t *testing.T) {
	p, err := Parse("plan.yaml", "plan", []byte(`
base: {arch: resnet18, width: 16, labels: random, augment: crop-flip, epochs: 150}
variants:
  - {name: linear}
  - {name: projector, projector: 4096}
  - {name: frozen, freeze: "layer1.*", lr: 0.01}
grid: {views: [0, 4], seed: [0, 18446744073709551615]}
`))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range p.Cells {
		names = append(names, c.Name)
	}
	want := "[efb3a5ac9598 62c460bc7655 49d36f8244d8 c4c06da9fefe e4ed8c237992 1870d016385f " +
		"51aef7c2a1b2 3aee1550ead8 615182786a44 1503dd77f0d8 671c7d9269c0 818884d348b1]"
	if fmt.Sprint(names) != want {
		t.Errorf("names %v, want %s", names, want)
	}
}
