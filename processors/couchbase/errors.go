package couchbase

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/couchbase/gocb/v2"
	"github.com/couchbase/gocbcore/v10"
	"github.com/couchbase/gocbcore/v10/memd"
)

// ErrNotFound: there is no such document.
var ErrNotFound = errors.New("no such document")

// class says what is done about an operation that failed.
type class uint8

const (
	transient class = iota // not applied, or it does not matter: again after a while
	ambiguous              // applied or not: read the fence, after a while
	lost                   // somebody else was faster: look up and decide anew
	refused                // Couchbase will never take this document: a dead letter
	fatal                  // wrong names, rights or server: the sink stops
)

func (c class) String() string {
	return [...]string{"transient", "ambiguous", "lost race", "refused", "fatal"}[c]
}

// classify sorts an error. What nobody has foreseen is transient: it is tried
// again for ever, and logged.
func classify(err error) class {
	switch status := statusOf(err); {
	case status == memd.StatusSubDocCanOnlyReviveDeletedDocuments, is(err,
		gocb.ErrCasMismatch, gocb.ErrDocumentExists, // which of them depends on the operation
		gocb.ErrDocumentNotFound): // it was purged, removed or has expired since
		return lost
	case status == memd.StatusAccessError, isCollectionMissing(err), is(err,
		gocb.ErrAuthenticationFailure, gocb.ErrBucketNotFound, gocb.ErrScopeNotFound, gocb.ErrCollectionNotFound,
		gocb.ErrDurabilityLevelNotAvailable, gocb.ErrFeatureNotAvailable, gocb.ErrUnsupportedOperation):
		return fatal
	case is(err, gocb.ErrAmbiguousTimeout, gocb.ErrDurabilityAmbiguous, gocbcore.ErrSocketClosed, gocb.ErrRequestCanceled):
		return ambiguous
	case is(err,
		gocb.ErrValueTooLarge, gocb.ErrInvalidArgument, gocb.ErrEncodingFailure,
		gocb.ErrValueInvalid, gocb.ErrValueNotJSON, gocb.ErrValueTooDeep, gocb.ErrDocumentNotJSON):
		return refused
	}
	return transient
}

func is(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

func statusOf(err error) memd.StatusCode {
	var kv *gocbcore.KeyValueError
	if errors.As(err, &kv) {
		return kv.StatusCode
	}
	var value gocbcore.KeyValueError
	if errors.As(err, &value) {
		return value.StatusCode
	}
	return memd.StatusSuccess
}

// isCollectionMissing: the SDK asks for the collection until the deadline, and
// what comes out is a timeout.
func isCollectionMissing(err error) bool {
	var timeout *gocbcore.TimeoutError
	if !errors.As(err, &timeout) || len(timeout.RetryReasons) == 0 {
		return false
	}
	for _, r := range timeout.RetryReasons {
		if r != gocbcore.RetryReason(gocbcore.KVCollectionOutdatedRetryReason) {
			return false
		}
	}
	return true
}

// isCertificate: one end does not trust the other's certificate. The SDK hands
// such errors on as text only.
func isCertificate(err error) bool {
	text := err.Error()
	return strings.Contains(text, "x509: ") || strings.Contains(text, "remote error: tls: ")
}

// brief is an error's text without the SDK's context, which is long and holds
// keys and addresses.
func brief(err error) string {
	text := err.Error()
	if i := strings.Index(text, " | {"); i > 0 {
		text = text[:i]
	}
	const limit = 300
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

// explain says what a person can do about an error.
func explain(err error, cfg Config, t Target) error {
	if err == nil || is(err, context.Canceled) {
		return err
	}
	where := fmt.Sprintf("couchbase %s, %s", cfg.address(), t)
	text := brief(err)
	remedy := ""
	switch {
	case is(err, gocb.ErrScopeNotFound, gocb.ErrCollectionNotFound) || isCollectionMissing(err):
		remedy = "the scope or the collection does not exist, or the user may not see it: create it, or correct the target's scope and collection"
	case is(err, gocb.ErrBucketNotFound):
		remedy = "the bucket does not exist, or the user may not see it: create it, or correct the target's bucket"
	case is(err, gocb.ErrAuthenticationFailure) || statusOf(err) == memd.StatusAccessError:
		remedy = fmt.Sprintf("user %q, its password or its role is refused, or bucket %q does not exist: the role needs read and write of the bucket and SystemXattrWrite for the xattr %s (bucket_full_access has all of it)",
			cfg.Username, t.Bucket, fenceXattr)
	case is(err, gocb.ErrDurabilityLevelNotAvailable):
		remedy = fmt.Sprintf("the bucket cannot give durability %q: choose another one", cfg.Durability)
	case is(err, gocb.ErrFeatureNotAvailable, gocb.ErrUnsupportedOperation):
		remedy = "the server is too old: fenced writes need Couchbase 7.1 or later"
	case isCertificate(err):
		remedy = "the certificates do not fit: is the server's signed by an authority in couchbase.tls.ca_file, is it for this host name and still valid, and does the server take the one in couchbase.tls.cert_file, if any?"
	case is(err, gocb.ErrTimeout):
		remedy = "nothing answers there: is the address right, is the server up, is its data port (11210, with TLS 11207) open from here, is TLS on at both ends or at none, and does the server take the client certificate, if any?"
	}
	if remedy != "" {
		text += ": " + remedy
	}
	return &explained{where + ": " + text, err}
}

// explained has its own text, and the SDK's error for errors.Is.
type explained struct {
	text string
	err  error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }
