// Package figure draws series of measurements: bars where contenders are
// compared, lines where a setting is varied. Medians, with the spread from the
// smallest to the largest round.
//
// What is drawn is the table specs; a figure without series is left out. Equal
// series make equal files. gonum's default font is a serif and a global: styles
// are set on each plot instead.
package figure
