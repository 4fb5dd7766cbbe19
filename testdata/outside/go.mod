module outside

go 1.26.0

// What memprobe requires, so that nothing is looked up: internal/house/outside_test.go
// says how this file is written.
replace memprobe => ../..

require (
	google.golang.org/protobuf v1.36.12
	memprobe v0.0.0
)

require (
	golang.org/x/sys v0.49.0 // indirect
	gonum.org/v1/gonum v0.17.0 // indirect
)
