package schemaregistry

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/twmb/franz-go/pkg/sr"

	"customer360/codec"
)

// codeNotFound is the error code of a schema that is not there. A 404 without
// it comes from something else: a proxy, another path.
const codeNotFound = 40403

// errNoSchema: something answered that is no registry.
var errNoSchema = fmt.Errorf("%w: the schema registry answers something that is no schema; is home_delivery.schema_registry.url the registry's?", codec.ErrLater)

// explain sorts what a request ended with, in words that hold no address with
// credentials and nothing of an answer's body.
func (r *Registry) explain(err error) error {
	var answer *sr.ResponseError
	if errors.As(err, &answer) {
		return r.explainAnswer(answer)
	}
	failed := (*url.Error)(nil)
	if !errors.As(err, &failed) {
		return errNoSchema
	}
	err = failed.Err // its own text repeats address and path
	return fmt.Errorf("%w: the schema registry does not answer: %w", codec.ErrLater, err)
}

func (r *Registry) explainAnswer(answer *sr.ResponseError) error {
	switch status := answer.StatusCode; status {
	case http.StatusUnauthorized:
		return fmt.Errorf("%w: the schema registry refuses the user (401): check home_delivery.schema_registry.username and password", codec.ErrHalt)
	case http.StatusForbidden:
		return fmt.Errorf("%w: the schema registry forbids to read schemas (403): give the user of home_delivery.schema_registry the right to read them", codec.ErrHalt)
	case http.StatusNotFound:
		if answer.ErrorCode == codeNotFound {
			return errUnknown
		}
		return fmt.Errorf("%w: the schema registry answers 404 without the error code %d: is home_delivery.schema_registry.url the registry's?", codec.ErrLater, codeNotFound)
	default:
		return fmt.Errorf("%w: the schema registry answers with the status %d", codec.ErrLater, status)
	}
}
