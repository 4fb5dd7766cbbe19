package ops

var elementwise = []Def{}
