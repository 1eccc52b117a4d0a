package restpoll

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// The texts of net/http's errors quote what they are about: the URL, which holds
// the email and perhaps a password; a proxy's address with its password; the lines
// that a store or a proxy sent, which may repeat either. So none of them is kept:
// of the error remain its cause, where that is known, or a phrase of this file.

var (
	errElsewhere  = errors.New("the store redirects to another host, which is not followed")
	errCircles    = errors.New("the store redirects in circles")
	errMoved      = errors.New("the store redirects to an address that is not there (404): correct online_store.url")
	errTLS        = errors.New("the TLS handshake failed")
	errUnreadable = errors.New("no answer that can be read as HTTP")
)

// causes are errors whose texts are fixed.
var causes = [...]error{errElsewhere, errCircles, http.ErrSchemeMismatch, context.Canceled, io.ErrUnexpectedEOF, io.EOF}

// phrases are beginnings of net/http's texts that end before anything is quoted.
var phrases = [...]string{
	"failed to parse Location header", "unsupported protocol scheme", "no Host in request URL",
	"invalid proxy address", "invalid header field",
	"malformed HTTP response", "malformed HTTP status code", "malformed HTTP version", "malformed MIME header",
	"bad Content-Length", "invalid empty Content-Length", "multiple Content-Length headers",
	"unsupported transfer encoding", "too many transfer encodings", "bad trailer key", "trailer after chunked body",
	"malformed chunked encoding", "invalid byte in chunk length", "chunk length too large", "server response headers exceeded",
	"TLS handshake timeout", "server closed idle connection", "server sent GOAWAY", "stream error", "connection error",
	"gzip: invalid header", "gzip: invalid checksum",
}

// ownWords is the error without the URL, without credentials and without
// anything that was received.
func ownWords(err error) error {
	var network *net.OpError // addresses, and the system's words
	if errors.As(err, &network) {
		return network
	}
	var certificate *tls.CertificateVerificationError // names of hosts
	if errors.As(err, &certificate) {
		return certificate
	}
	for _, cause := range causes {
		if errors.Is(err, cause) {
			return cause
		}
	}
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	text := err.Error()
	for _, phrase := range phrases {
		if strings.Contains(text, phrase) {
			return errors.New(phrase)
		}
	}
	if strings.HasPrefix(text, "tls: ") {
		return errTLS
	}
	return refusedByProxy(text)
}

// refusedByProxy knows the answer of a proxy to CONNECT, of which net/http keeps
// the status line's text.
func refusedByProxy(text string) error {
	for code := http.StatusBadRequest; code <= http.StatusNetworkAuthenticationRequired; code++ {
		if text != "" && text == http.StatusText(code) {
			return errors.New("the proxy refuses: " + text)
		}
	}
	return errUnreadable
}

// mediaType is the media type of a Content-Type header, "" for what is none.
func mediaType(header string) string {
	kind, _, _ := strings.Cut(header, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	main, sub, ok := strings.Cut(kind, "/")
	plain := func(s string) bool {
		return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.+-") == ""
	}
	if !ok || len(kind) > 64 || !plain(main) || !plain(sub) {
		return ""
	}
	return kind
}
