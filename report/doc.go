// Package report draws figures and documents from results. It never sees a
// graph or a weight.
//
// Colours are Okabe and Ito's, which stay apart for every common form of colour
// blindness; series differ in mark and dash as well. Text is set in Liberation
// Sans, embedded in the program and in the PDF.
package report
