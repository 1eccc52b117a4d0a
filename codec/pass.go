package codec

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// PassMode says what becomes of the passwords that the sources send.
type PassMode string

// The modes: PassKeep as the tutorial does, PassHash to "sha256:<hex>",
// PassDrop leaves the field out.
const (
	PassKeep PassMode = "keep"
	PassHash PassMode = "hash"
	PassDrop PassMode = "drop"
)

// Validate refuses an unknown mode.
func (m PassMode) Validate() error {
	switch m {
	case PassKeep, PassHash, PassDrop:
		return nil
	}
	return fmt.Errorf("pass mode %q: use keep, hash or drop", string(m))
}

// Apply returns what is kept of a password; an empty one stays empty.
func (m PassMode) Apply(pass string) string {
	switch {
	case pass == "" || m == PassDrop:
		return ""
	case m == PassHash:
		sum := sha256.Sum256([]byte(pass))
		return "sha256:" + hex.EncodeToString(sum[:])
	}
	return pass
}
