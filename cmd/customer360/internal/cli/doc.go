// Package cli is the command line: one file per command, each thin over the
// package that does the work. Only this package knows flags, exit codes and
// what is printed where: results on stdout, everything else on stderr.
package cli
