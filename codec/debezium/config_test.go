package debezium

import (
	"strings"
	"testing"

	"customer360/codec"
)

func TestValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"table":          {func(c *Config) { c.Table = "customers" }, "database.table"},
		"empty database": {func(c *Config) { c.Table = ".customers" }, "database.table"},
		"epoch":          {func(c *Config) { c.Epoch = -1 }, "epoch"},
		"pass":           {func(c *Config) { c.Pass = "plain" }, "pass mode"},
		"layout":         {func(c *Config) { c.Mapping.Layout = "both" }, "first_last"},
		"field":          {func(c *Config) { c.Mapping.Columns = map[string]string{"adress1": "x"} }, "address1"},
		"no email":       {func(c *Config) { c.Mapping.Columns = map[string]string{"email": ""} }, "email"},
	} {
		cfg := DefaultConfig()
		c.change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFingerprint: everything that decides the bytes is in it, and nothing else.
func TestFingerprint(t *testing.T) {
	seen := map[string]string{}
	for name, change := range map[string]func(*Config){
		"default": nil, "epoch": func(c *Config) { c.Epoch = 1 }, "pass": func(c *Config) { c.Pass = codec.PassHash },
		"table": func(c *Config) { c.Table = "" }, "layout": func(c *Config) { c.Mapping.Layout = LayoutName },
		"column": func(c *Config) { c.Mapping.Columns = map[string]string{"city": "town"} },
	} {
		f := newDecoder(t, change).Fingerprint()
		if other, ok := seen[f]; ok {
			t.Errorf("%s and %s have one fingerprint", name, other)
		}
		seen[f] = name
	}
	want := `debezium rules=1 table="inventory.customers" epoch=0 pass=keep mapping=auto id="id" email="email" pass="password"` +
		` name="name" first_name="first_name" last_name="last_name" address1="address_line_1" address2="address_line_2"` +
		` city="city" state="state" zipcode="zipcode" phone="phonenumber"`
	said := newDecoder(t, func(c *Config) { c.Mapping.Columns = map[string]string{"city": "city", "zipcode": "zipcode"} })
	for _, d := range []*Decoder{newDecoder(t, nil), said} { // saying the default is no change
		if got := d.Fingerprint(); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
}
