package engine

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// goka writes records' keys into its errors; no log gets them.
func TestKeysStayOutOfLogs(t *testing.T) {
	for _, text := range []string{
		`could not commit message with key '{"id":7,"password":"secret"}': 2 errors`,
		`could not commit message with key 'o'brien secret@x': 2 errors`,
		"2 errors:\n\t* message with key 'secret': one\n\t* message with key 'secret': two",
		"error for key secret",
	} {
		var out bytes.Buffer
		log := gokaLog{slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		log.Printf("%s", text)
		log.Println(text)
		if strings.Contains(out.String(), "secret") || strings.Count(out.String(), "hidden") < 2 {
			t.Errorf("logged: %s", out.String())
		}
	}
}
