package processors

// arena gives memory away in small pieces of larger ones, which cost the allocator
// less. What was given away is never touched again; a chunk lives as long as any of
// its pieces, which within one transaction is about as long as each.
type arena struct {
	chunk []byte // what is left
}

// arenaChunk is the size of a chunk, in bytes; a piece larger than a quarter of it
// is by itself, so that no more than that is lost at a chunk's end.
const arenaChunk = 16 << 10

// keep is a copy of b, which is the caller's.
func (a *arena) keep(b []byte) []byte {
	if len(b) > arenaChunk/4 {
		return append([]byte(nil), b...)
	}
	if len(b) > len(a.chunk) {
		a.chunk = make([]byte, arenaChunk)
	}
	piece := a.chunk[:len(b):len(b)]
	a.chunk = a.chunk[len(b):]
	copy(piece, b)
	return piece
}
