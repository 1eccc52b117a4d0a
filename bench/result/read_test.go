package result_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xitongsys/parquet-go/writer"

	"customer360/bench/result"
)

func written(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := result.Write(&b, rows(n)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEveryChangedByteIsNoticed(t *testing.T) {
	content := written(t, 40)
	for at := range content {
		changed := bytes.Clone(content)
		changed[at] ^= 0x41
		if _, err := result.Read(changed); !errors.Is(err, result.ErrDamaged) {
			t.Fatalf("byte %d: %v", at, err)
		}
	}
}

func TestEveryShorterFileIsNoticed(t *testing.T) {
	content := written(t, 10)
	for n := range content {
		if _, err := result.Read(content[:n]); !errors.Is(err, result.ErrDamaged) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(content), err)
		}
	}
}

func TestMessagesSayWhatIsWrong(t *testing.T) {
	content := written(t, 3)
	type other struct {
		Benchmark string `parquet:"name=benchmark, type=BYTE_ARRAY, convertedtype=UTF8"`
	}
	var foreign bytes.Buffer
	w, err := writer.NewParquetWriterFromWriter(&foreign, new(other), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(other{"merge"}); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteStop(); err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(content)
	changed[20]++
	for want, content := range map[string][]byte{
		"it is empty":              nil,
		"does not begin with PAR1": []byte("benchmark,contender\n"),
		"does not end with PAR1":   content[:len(content)-1],
		"its checksum is wrong":    changed,
		"it has no checksum":       foreign.Bytes(),
	} {
		path := filepath.Join(t.TempDir(), "r.parquet")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := result.Load(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, want %q and the path", err, want)
		}
	}
	if _, err := result.Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestRowsThatNobodyCouldReadAreNotWritten(t *testing.T) {
	for _, change := range []func(*result.Row){
		func(r *result.Row) { r.Metric = "" },
		func(r *result.Row) { r.Value = math.NaN() },
		func(r *result.Row) { r.Settings = "[1" },
	} {
		bad := rows(2)
		change(&bad[1])
		var b bytes.Buffer
		if err := result.Write(&b, bad); err == nil || b.Len() > 0 || !strings.Contains(err.Error(), "row 1") {
			t.Errorf("%+v: wrote %d bytes, error %v", bad[1], b.Len(), err)
		}
	}
}

func TestSettingsAreNamesAndValues(t *testing.T) {
	got, err := result.ParseSettings(`{"keys":100000,"zipf":{"s":1.10},"broker":"kafka 4.3.1","acks":["all"],"standby":true}`)
	if err != nil {
		t.Fatal(err)
	}
	if want := `acks=["all"] broker=kafka 4.3.1 keys=100000 standby=true zipf.s=1.10`; got.String() != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := got.Of([]string{"standby", "none", "keys"}); got != "standby=true keys=100000" {
		t.Errorf("some of them: %q", got)
	}
	if _, err := result.ParseSettings(`{"a":`); err == nil {
		t.Error("half an object is no error")
	}
}
