// Package norm normalises: batch normalisation with its residual and ReLU, layer
// normalisation, softmax, and the losses that end a network.
//
// Every layout is row-major. A plan cuts its tensor as the sums run:
//
//	Batch    x [N,C,S]        a chunk is some channels of all images
//	Layer    x [Rows,D]       a chunk is some rows
//	Softmax  x [Outer,D,Inner] rows where Inner is 1, else columns side by side
//
// Sums over many elements are float64, in an order that the shape alone decides.
package norm
