package secure

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/freeport"
)

// Secrets of the broker's users. No output may hold them.
const (
	password      = "correct-horse-7f3a"
	wrongPassword = "battery-staple-9c1d"
)

// broker is a real one with StandardAuthorizer: only who comes over the
// plaintext listener may do everything.
type broker struct {
	admin                          *kadm.Client
	client                         *kgo.Client
	plain                          string
	sasl, mutual, expired, unnamed string // addresses of listeners with TLS
	ca                             *authority
	wrongCA                        *authority
	user                           identity // CN=customer360
}

func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	taken, err := freeport.Take(n)
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range taken {
		ports = append(ports, strconv.Itoa(port))
	}
	return ports
}

func startBroker(t *testing.T) *broker {
	t.Helper()
	dir := t.TempDir()
	ports := freePorts(t, 6)
	at := func(i int) string { return "127.0.0.1:" + ports[i] }
	b := &broker{plain: at(0), sasl: at(2), mutual: at(3), expired: at(4), unnamed: at(5),
		ca: newAuthority(t, dir, "ca"), wrongCA: newAuthority(t, dir, "wrong-ca")}
	b.user = b.ca.issue("customer360", nil)
	stores := map[string]identity{
		"sasl": b.ca.issue("server", nil), "mutual": b.ca.issue("mutual", nil),
		"expired": b.ca.issue("expired", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-24 * time.Hour) }),
		"unnamed": b.ca.issue("unnamed", func(c *x509.Certificate) {
			c.DNSNames, c.IPAddresses = []string{"kafka.example.com"}, nil
		}),
	}
	listeners := fmt.Sprintf("PLAINTEXT://%s,SASL://%s,MUTUAL://%s,EXPIRED://%s,UNNAMED://%s", b.plain, b.sasl, b.mutual, b.expired, b.unnamed)
	properties := "listeners=" + listeners + ",CONTROLLER://" + at(1) + "\nadvertised.listeners=" + listeners + `
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_SSL,MUTUAL:SSL,EXPIRED:SASL_SSL,UNNAMED:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/
listener.name.mutual.ssl.client.auth=required
`
	for name, s := range stores {
		prefix := "listener.name." + name + "."
		properties += prefix + "ssl.keystore.type=PEM\n" + prefix + "ssl.keystore.location=" + s.store + "\n" +
			prefix + "ssl.truststore.type=PEM\n" + prefix + "ssl.truststore.location=" + b.ca.pem + "\n"
		if name != "mutual" {
			properties += prefix + "scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
		}
	}
	extra := filepath.Join(dir, "extra.properties")
	if err := os.WriteFile(extra, []byte(properties), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "KAFKA_DIR="+filepath.Join(dir, "kafka"), "KAFKA_PORT="+ports[0], "KAFKA_CONTROLLER_PORT="+ports[1],
		"KAFKA_HEAP=384m", "KAFKA_EXTRA_PROPERTIES="+extra, "KAFKA_FORMAT_OPTIONS=--add-scram SCRAM-SHA-512=[name=customer360,password="+password+"]")
	script := func(ctx context.Context, word string) {
		cmd := exec.CommandContext(ctx, "bash", "../../deploy/stack/kafka.sh", word)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("kafka.sh %s: %v\n%s", word, err, out)
		}
	}
	t.Cleanup(func() { script(context.Background(), "stop") })
	script(t.Context(), "start")
	var err error
	if b.client, err = kgo.NewClient(kgo.SeedBrokers(b.plain)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.client.Close)
	b.admin = kadm.NewClient(b.client)
	return b
}

// allow gives the user what one line of the list says; names are prefixes.
func (b *broker) allow(t *testing.T, r right) {
	t.Helper()
	acl := kadm.NewACLs().Allow("User:customer360").AllowHosts().Operations(r.operations...).ResourcePatternType(kadm.ACLPatternPrefixed)
	switch r.resource {
	case "Topic":
		acl = acl.Topics(strings.Fields(r.names)...)
	case "Group":
		acl = acl.Groups(strings.Fields(r.names)...)
	case "TransactionalId":
		acl = acl.TransactionalIDs(strings.Fields(r.names)...)
	case "Cluster":
		acl = acl.ResourcePatternType(kadm.ACLPatternLiteral).Clusters()
	}
	results, err := b.admin.CreateACLs(t.Context(), acl)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range results {
		if result.Err != nil {
			t.Fatalf("%+v: %v", r, result.Err)
		}
	}
}
