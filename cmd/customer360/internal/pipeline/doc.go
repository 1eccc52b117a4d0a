// Package pipeline wires the product's components from the configuration: it
// is the one place that knows them all. What runs in `up`, in `run` and in
// tests is built here, by the same lines.
//
// Start order: the topics are discovered, the generation is ensured, then all
// components run side by side until the context ends or one of them fails for
// good, which ends the others.
package pipeline
