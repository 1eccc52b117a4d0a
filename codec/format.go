package codec

import (
	"errors"
	"fmt"
)

// ErrNewer: a value in Kafka or in local state has a format that only a newer
// version of this product writes.
var ErrNewer = errors.New("written by a newer version: upgrade this instance first")

// maxFormat is the greatest format number. Texts begin with greater bytes, so
// that something foreign is not taken for a newer version's.
const maxFormat = 31

// CheckFormat compares the number that a value begins with, or carries, with the
// newest one that this version knows. The error matches ErrNewer; older numbers
// are the decoder's matter.
func CheckFormat(have, known int) error {
	if have > known && have <= maxFormat {
		return fmt.Errorf("%w (format %d, this version knows up to %d)", ErrNewer, have, known)
	}
	return nil
}
