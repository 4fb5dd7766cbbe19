package tensor_test

import (
	"fmt"

	"memprobe/onnx/tensor"
)

func Example() {
	x := tensor.From([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	y := tensor.New(tensor.Int64, 2)
	for i := range tensor.Data[int64](y) {
		y.I64()[i] = int64(x.Number(3 * i))
	}
	fmt.Println(x.DType, x.Shape, y.DType, y.I64())
	// Output: float32 [2 3] int64 [1 4]
}
