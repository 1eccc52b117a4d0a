package couchbase

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // SCRAM-SHA1 is one of the mechanisms; SDKs take the strongest
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"

	"github.com/couchbase/gocbcore/v10/memd"
)

const (
	scramIterations = 4096
	mechanisms      = "SCRAM-SHA512 SCRAM-SHA256 SCRAM-SHA1 PLAIN"
)

// credentials are the one user of a node, with the keys SCRAM compares.
type credentials struct {
	username, password string
	scram              map[string]scramKeys
}

// scramKeys are RFC 5802's server key and stored key for one hash function.
type scramKeys struct {
	newHash           func() hash.Hash
	salt              []byte
	serverKey, stored []byte
}

func newCredentials(username, password string) (*credentials, error) {
	c := &credentials{username: username, password: password, scram: map[string]scramKeys{}}
	for name, newHash := range map[string]func() hash.Hash{"SCRAM-SHA512": sha512.New, "SCRAM-SHA256": sha256.New, "SCRAM-SHA1": sha1.New} {
		k := scramKeys{newHash: newHash, salt: randomBytes(newHash().Size())}
		salted, err := pbkdf2.Key(newHash, password, k.salt, scramIterations, newHash().Size())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		k.serverKey = k.mac(salted, "Server Key")
		k.stored = k.sum(k.mac(salted, "Client Key"))
		c.scram[name] = k
	}
	return c, nil
}

func (k scramKeys) mac(key []byte, text string) []byte {
	m := hmac.New(k.newHash, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func (k scramKeys) sum(b []byte) []byte {
	h := k.newHash()
	h.Write(b)
	return h.Sum(nil)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails, says its documentation
	return b
}

// scramExchange is a SCRAM conversation after its first step.
type scramExchange struct {
	mechanism        string
	keys             scramKeys
	userOK           bool
	nonce, authBegin string // authBegin: the messages so far, as the proofs sign them
}

func saslListMechs(*connection, *request) response { return response{value: []byte(mechanisms)} }

func saslAuth(c *connection, q *request) response {
	c.authenticated, c.scram = false, nil
	mechanism := string(q.key)
	if mechanism == "PLAIN" {
		return c.saslPlain(q.value)
	}
	keys, ok := c.node.credentials.scram[mechanism]
	if !ok {
		return explained(memd.StatusAuthError, fmt.Sprintf("Requested mechanism %q is not supported", mechanism))
	}
	return c.scramFirst(mechanism, keys, string(q.value))
}

// saslPlain takes authorization id, user and password with zero bytes between.
func (c *connection) saslPlain(message []byte) response {
	parts := bytes.SplitN(message, []byte{0}, 3)
	if len(parts) != 3 {
		return c.refuse()
	}
	want := c.node.credentials
	user := subtle.ConstantTimeCompare(parts[1], []byte(want.username))
	password := subtle.ConstantTimeCompare(parts[2], []byte(want.password))
	if user&password != 1 {
		return c.refuse()
	}
	c.authenticated = true
	return response{}
}

// refuse says no more than that: the reference would lead to a line of the log.
func (c *connection) refuse() response {
	return response{status: memd.StatusAuthError, datatype: datatypeJSON, value: errorContext("", fmt.Sprintf("%x", randomBytes(8)))}
}

// scramFirst reads "n,,n=user,r=nonce". An unknown user goes on to the second
// step all the same and is refused there.
func (c *connection) scramFirst(mechanism string, keys scramKeys, message string) response {
	parts := strings.SplitN(message, ",", 3)
	if len(parts) != 3 || parts[0] == "" {
		return c.refuse()
	}
	bare := parts[2]
	attributes := scramAttributes(bare)
	user := strings.NewReplacer("=2C", ",", "=3D", "=").Replace(attributes["n"])
	if user == "" || attributes["r"] == "" {
		return c.refuse()
	}
	nonce := attributes["r"] + base64.RawStdEncoding.EncodeToString(randomBytes(18))
	first := fmt.Sprintf("r=%s,s=%s,i=%d", nonce, base64.StdEncoding.EncodeToString(keys.salt), scramIterations)
	c.scram = &scramExchange{
		mechanism: mechanism, keys: keys, nonce: nonce, authBegin: bare + "," + first + ",",
		userOK: subtle.ConstantTimeCompare([]byte(user), []byte(c.node.credentials.username)) == 1,
	}
	return response{status: memd.StatusAuthContinue, value: []byte(first)}
}

// saslStep reads "c=biws,r=nonce,p=proof" and answers with the server's own proof.
func saslStep(c *connection, q *request) response {
	x := c.scram
	c.scram = nil
	message := string(q.value)
	end := strings.LastIndex(message, ",p=")
	if x == nil || x.mechanism != string(q.key) || end < 0 {
		return c.refuse()
	}
	proof, err := base64.StdEncoding.DecodeString(message[end+len(",p="):])
	if err != nil || len(proof) != x.keys.newHash().Size() || scramAttributes(message[:end])["r"] != x.nonce {
		return c.refuse()
	}
	signed := x.authBegin + message[:end]
	clientKey := x.keys.mac(x.keys.stored, signed)
	subtle.XORBytes(clientKey, clientKey, proof)
	if subtle.ConstantTimeCompare(x.keys.sum(clientKey), x.keys.stored) != 1 || !x.userOK {
		return c.refuse()
	}
	c.authenticated = true
	return response{value: []byte("v=" + base64.StdEncoding.EncodeToString(x.keys.mac(x.keys.serverKey, signed)))}
}

func scramAttributes(message string) map[string]string {
	out := map[string]string{}
	for _, part := range strings.Split(message, ",") {
		if name, value, ok := strings.Cut(part, "="); ok {
			out[name] = value
		}
	}
	return out
}
