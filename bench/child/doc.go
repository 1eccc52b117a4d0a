// Package child runs parts of a measurement in processes of their own, so that
// what one of them uses can be told from what the others use. Parent and child
// speak JSON over the child's stdin and stdout, one question and one answer at a
// time; the child ends when its stdin does, so it does not outlive its parent.
package child
