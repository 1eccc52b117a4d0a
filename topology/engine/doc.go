// Package engine is how a goka group runs here.
package engine
