package stack

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"

	"customer360/internal/freeport"
)

// Machine is the three components on ports of 127.0.0.1.
type Machine struct {
	MariaDB, Kafka, Connect *Component

	kafka, mariadb, connect int // ports
}

// Users of the database, as the start script makes them.
const (
	capturer, capturerPassword = "debezium", "dbz"
	writer, writerPassword     = "mysqluser", "mysqlpw"
)

// New starts nothing. scripts is deploy/stack, dir an empty folder; ports are
// MariaDB's, Kafka's, its controller's and Connect's. What the scripts download is
// kept where they keep it (STACK_CACHE).
func New(scripts, dir string, ports [4]int) *Machine {
	m := &Machine{mariadb: ports[0], kafka: ports[1], connect: ports[3]}
	env := []string{
		"KAFKA_PORT=" + strconv.Itoa(m.kafka), "KAFKA_CONTROLLER_PORT=" + strconv.Itoa(ports[2]),
		"MARIADB_PORT=" + strconv.Itoa(m.mariadb), "CONNECT_PORT=" + strconv.Itoa(m.connect),
		// Not what an operator has set for a stack of another kind.
		"KAFKA=", "MARIADB=", "KAFKA_EXTRA_PROPERTIES=", "KAFKA_FORMAT_OPTIONS=", "KAFKA_OPTS=", "MARIADB_EXTRA=", "CONNECT_EXTRA_PROPERTIES=",
		"DBZ_USER=" + capturer, "DBZ_PASSWORD=" + capturerPassword, "APP_USER=" + writer, "APP_PASSWORD=" + writerPassword,
	}
	component := func(name, folder string) *Component {
		at := filepath.Join(dir, name)
		return &Component{Name: name, script: filepath.Join(scripts, name+".sh"), dir: at, env: append(env[:len(env):len(env)], folder+"="+at)}
	}
	m.MariaDB, m.Kafka, m.Connect = component("mariadb", "MARIADB_DIR"), component("kafka", "KAFKA_DIR"), component("connect", "CONNECT_DIR")
	return m
}

// Components in the order in which they start.
func (m *Machine) Components() []*Component { return []*Component{m.MariaDB, m.Kafka, m.Connect} }

// Broker is Kafka's address.
func (m *Machine) Broker() string { return freeport.Local(m.kafka) }

// End stops everything that runs; what does not stop in order is killed.
func (m *Machine) End(ctx context.Context) error {
	var errs []error
	for _, c := range []*Component{m.Connect, m.Kafka, m.MariaDB} {
		if _, err := c.pid(); err != nil {
			continue // it was not started
		}
		if err := c.Stop(ctx); err != nil {
			errs = append(errs, err, c.Kill(context.WithoutCancel(ctx)))
		}
	}
	return errors.Join(errs...)
}

// SQL runs statements as the database's administrator.
func (m *Machine) SQL(ctx context.Context, statements string) error {
	return m.MariaDB.call(ctx, []byte(statements), "sql")
}

// Open connects to the database as the application that writes it.
func (m *Machine) Open() (*sql.DB, error) {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.DBName = writer, writerPassword, "tcp", freeport.Local(m.mariadb), "inventory"
	c.Timeout, c.ReadTimeout, c.WriteTimeout = 10*time.Second, time.Minute, time.Minute
	c.InterpolateParams = true
	c.Logger = &mysql.NopLogger{} // lost connections are counted, not told
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("the database's driver: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db, nil
}
