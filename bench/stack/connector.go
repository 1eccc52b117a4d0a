package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"customer360/internal/freeport"
)

// ConnectorName is the connector's, as in the tutorial.
const ConnectorName = "inventory-connector"

// Topic of the table's change events.
const Topic = "dbserver1.inventory.customers"

// connectorConfig is Debezium's MariaDB connector on this machine.
func (m *Machine) connectorConfig(extra map[string]string) map[string]string {
	c := map[string]string{
		"connector.class":   "io.debezium.connector.mariadb.MariaDbConnector",
		"database.hostname": "127.0.0.1", "database.port": fmt.Sprint(m.mariadb),
		"database.user": capturer, "database.password": capturerPassword, "database.server.id": "184054",
		"topic.prefix": "dbserver1", "database.include.list": "inventory", "table.include.list": "inventory.customers",
		"schema.history.internal.kafka.bootstrap.servers": m.Broker(),
		"schema.history.internal.kafka.topic":             "schemahistory.dbserver1",
		"key.converter":                                   "org.apache.kafka.connect.json.JsonConverter",
		"key.converter.schemas.enable":                    "false",
		"value.converter":                                 "org.apache.kafka.connect.json.JsonConverter",
		"value.converter.schemas.enable":                  "false",
		// The broker makes no topic for being used.
		"topic.creation.default.replication.factor": "1", "topic.creation.default.partitions": "1",
		// So that a database that was away is found again soon.
		"connect.timeout.ms": "10000", "connect.keep.alive.interval.ms": "2000",
	}
	for k, v := range extra {
		c[k] = v
	}
	return c
}

// Register creates the connector or changes it, and waits until it runs. extra
// settings come on top of the usual ones.
func (m *Machine) Register(ctx context.Context, extra map[string]string) error {
	body, err := json.Marshal(m.connectorConfig(extra))
	if err != nil {
		return err
	}
	if _, err := m.rest(ctx, http.MethodPut, "/config", body); err != nil {
		return err
	}
	_, err = m.AwaitConnector(ctx)
	return err
}

// AwaitConnector waits until the connector and its task run, as a watchful
// operator: what has failed is restarted. It returns how often.
func (m *Machine) AwaitConnector(ctx context.Context) (restarts int, err error) {
	last := ""
	for {
		state, err := m.ConnectorState(ctx)
		switch {
		case err != nil:
			last = err.Error()
		case state == "RUNNING RUNNING":
			return restarts, nil
		default:
			last = state
		}
		if restarted, err := m.restartFailed(ctx, state); err == nil && restarted {
			restarts++
		}
		select {
		case <-ctx.Done():
			return restarts, fmt.Errorf("the connector does not run: %w; at last: %s", ctx.Err(), last)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// Mend restarts what has failed, and says whether something had.
func (m *Machine) Mend(ctx context.Context) (bool, error) {
	state, err := m.ConnectorState(ctx)
	if err != nil {
		return false, err
	}
	return m.restartFailed(ctx, state)
}

func (m *Machine) restartFailed(ctx context.Context, state string) (bool, error) {
	if !strings.Contains(state, "FAILED") {
		return false, nil
	}
	_, err := m.rest(ctx, http.MethodPost, "/restart?includeTasks=true&onlyFailed=true", nil)
	return err == nil, err
}

// ConnectorState is the connector's and its tasks', in Kafka Connect's words.
func (m *Machine) ConnectorState(ctx context.Context) (string, error) {
	body, err := m.rest(ctx, http.MethodGet, "/status", nil)
	if err != nil {
		return "", err
	}
	var status struct {
		Connector struct{ State string }
		Tasks     []struct{ State string }
	}
	if err := json.Unmarshal(body, &status); err != nil {
		return "", fmt.Errorf("the connector's status: %w", err)
	}
	states := []string{status.Connector.State}
	for _, t := range status.Tasks {
		states = append(states, t.State)
	}
	return strings.Join(states, " "), nil
}

// Signal asks for an incremental snapshot of the table, which Debezium reads in
// pieces while it goes on streaming. It makes the connector listen first.
func (m *Machine) Signal(ctx context.Context) error {
	err := m.Register(ctx, map[string]string{"signal.data.collection": "inventory.signals",
		"table.include.list": "inventory.customers,inventory.signals", "incremental.snapshot.chunk.size": "64"})
	if err != nil {
		return err
	}
	return m.SQL(ctx, `GRANT INSERT, UPDATE, DELETE ON inventory.signals TO '`+capturer+`'@'%';
		INSERT INTO inventory.signals VALUES (UUID(), 'execute-snapshot', '{"data-collections":["inventory.customers"],"type":"incremental"}');`)
}

// Delete removes the connector. Its offsets stay in Kafka, and another one of the
// name goes on there; with reset they are removed too.
func (m *Machine) Delete(ctx context.Context, reset bool) error {
	if reset {
		if _, err := m.rest(ctx, http.MethodPut, "/stop", nil); err != nil {
			return err
		}
		// Connect refuses until the last task has ended.
		for {
			_, err := m.rest(ctx, http.MethodDelete, "/offsets", nil)
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return err
			case <-time.After(500 * time.Millisecond):
			}
		}
	}
	if _, err := m.rest(ctx, http.MethodDelete, "", nil); err != nil {
		return err
	}
	for { // the REST answer comes before the tasks have ended
		if _, err := m.ConnectorState(ctx); err != nil && strings.Contains(err.Error(), "404") {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the deleted connector is still there: %w", ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// rest calls Connect about the connector. It tries again while the worker is busy
// with a rebalance (409) or does not answer.
func (m *Machine) rest(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	url := "http://" + freeport.Local(m.connect) + "/connectors/" + ConnectorName + path
	for {
		answer, status, err := call(ctx, method, url, body)
		switch {
		case err == nil && status < 300:
			return answer, nil
		case err == nil && status != http.StatusConflict && status != http.StatusInternalServerError && status != http.StatusServiceUnavailable:
			return nil, fmt.Errorf("the REST of Kafka Connect: %s %s: %d: %s", method, path, status, answer)
		case err == nil:
			err = fmt.Errorf("%d: %s", status, answer)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the REST of Kafka Connect: %s %s: %w (%w)", method, path, err, ctx.Err())
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func call(ctx context.Context, method, url string, body []byte) ([]byte, int, error) {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return answer, response.StatusCode, err
}
