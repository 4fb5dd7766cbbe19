// Package page writes a document of one HTML file: a headline that stays in view,
// figures that a script of the file's own draws from the numbers in it, tables that
// sort and filter, and whatever stands beside them in words. The file asks the network
// for nothing, and a content security policy in it says so.
//
// Numbers are written with all their digits: those of figures as JSON in the element
// #figures, those of tables in the attribute data-key of their cells.
package page
