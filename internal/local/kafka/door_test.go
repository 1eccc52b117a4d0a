package kafka

import (
	"net"
	"testing"
)

// A connection is new until its second answer, or its end.
func TestDoorKnowsWhoHasJustCome(t *testing.T) {
	t.Parallel()
	d, err := openDoor("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	c := d.open()
	defer c.cut()
	c.let()
	enter := func() net.Conn {
		t.Helper()
		out, err := net.Dial("tcp", c.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = out.Close() })
		in, err := c.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	is := func(what string, want bool) {
		t.Helper()
		if c.anyNew() != want {
			t.Errorf("%s: new is %v", what, !want)
		}
	}
	is("nobody", false)
	answered, gone := enter(), enter()
	is("no answer", true)
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false} {
		if _, err := answered.Write([]byte("answer")); err != nil {
			t.Fatal(err)
		}
		is([]string{"one answer, the other has gone", "two answers"}[i], want)
	}
}
