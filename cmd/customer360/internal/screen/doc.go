// Package screen shows a running `up`: one calm page that refreshes in place
// on a terminal, a log line now and then where there is none. Page is a pure
// function from Snapshot to text; Run only paints.
package screen
