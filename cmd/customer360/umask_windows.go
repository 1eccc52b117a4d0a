package main

// ownerOnly does nothing: Windows has no umask, new files inherit the rights of
// their folder.
func ownerOnly() {}
