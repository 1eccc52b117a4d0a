package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Key is one key of the configuration.
type Key struct {
	Path    string // kafka.brokers
	Env     string // CUSTOMER360_KAFKA_BROKERS
	Type    string // for people: text, duration, list, ...
	Default string
	Doc     string
	Secret  bool
}

const durationType = "duration (100ms, 5s, 1h)"

var errDuration = errors.New("no duration: write a number with its unit, as in 100ms, 5s or 1h")

// EnvName is the environment variable that overrides a key.
func EnvName(path string) string {
	return "CUSTOMER360_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// Keys lists every key in the order of the structs.
func Keys() []Key {
	var keys []Key
	c := Default()
	// The visitor never fails, so neither does walk.
	_ = walk(reflect.ValueOf(&c).Elem(), "", func(path string, f reflect.StructField, v reflect.Value) error {
		keys = append(keys, Key{Path: path, Env: EnvName(path), Type: typeName(f.Type), Default: text(v),
			Doc: f.Tag.Get("doc"), Secret: strings.Contains(f.Type.String(), "Secret")})
		return nil
	})
	return keys
}

// walk visits every leaf.
func walk(v reflect.Value, prefix string, visit func(string, reflect.StructField, reflect.Value) error) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		path := prefix + f.Tag.Get("yaml")
		var err error
		if f.Type.Kind() == reflect.Struct {
			err = walk(v.Field(i), path+".", visit)
		} else {
			err = visit(path, f, v.Field(i))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return durationType
	case t == reflect.TypeFor[Secret]():
		return "secret"
	}
	switch t.Kind() {
	case reflect.Slice:
		return "list of text"
	case reflect.Map:
		return "map"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int16, reflect.Int32, reflect.Int64:
		return "integer"
	}
	return "text"
}

func text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case []string:
		return strings.Join(x, ",")
	case map[string]string, map[string]Secret, map[string][]string:
		return ""
	default:
		return fmt.Sprint(x)
	}
}

// applyEnvironment sets every key whose variable is set. Lists are separated by
// commas; maps are key=value pairs separated by commas, lists in maps by |.
func applyEnvironment(c *Config, lookup func(string) (string, bool)) error {
	return walk(reflect.ValueOf(c).Elem(), "", func(path string, _ reflect.StructField, v reflect.Value) error {
		value, ok := lookup(EnvName(path))
		if !ok {
			return nil
		}
		if err := setText(v, value); err != nil {
			return fmt.Errorf("environment %s: %w", EnvName(path), err)
		}
		return nil
	})
}

func setText(v reflect.Value, s string) error {
	switch x := v.Addr().Interface().(type) {
	case *time.Duration:
		d, err := time.ParseDuration(s)
		if err != nil {
			return errDuration
		}
		*x = d
		return nil
	case *[]string:
		*x = splitList(s, ",")
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return errors.New("write true or false")
		}
		v.SetBool(b)
	case reflect.Float64:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return errors.New("no number")
		}
		v.SetFloat(n)
	case reflect.Map:
		return setMap(v, s)
	default:
		n, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if err != nil {
			return errors.New("no integer, or too large")
		}
		v.SetInt(n)
	}
	return nil
}

func setMap(v reflect.Value, s string) error {
	m := reflect.MakeMap(v.Type())
	for _, pair := range splitList(s, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return errors.New("write key=value pairs separated by commas")
		}
		item := reflect.ValueOf(value)
		if v.Type().Elem().Kind() == reflect.Slice {
			item = reflect.ValueOf(splitList(value, "|"))
		}
		m.SetMapIndex(reflect.ValueOf(strings.TrimSpace(key)), item.Convert(v.Type().Elem()))
	}
	v.Set(m)
	return nil
}

func splitList(s, sep string) []string {
	var list []string
	for _, item := range strings.Split(s, sep) {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// unknownKeys reports the first key of the file that Config does not have, with
// the nearest one that it has.
func unknownKeys(name string, file *ast.File) error {
	known := map[string]bool{}
	durations := map[string]bool{}
	sections := map[string]bool{"": true}
	maps := map[string]bool{}
	for _, k := range Keys() {
		known[k.Path] = true
		durations[k.Path] = k.Type == durationType
		if k.Type == "map" {
			maps[k.Path] = true
		}
		for p := k.Path; strings.Contains(p, "."); {
			p = p[:strings.LastIndex(p, ".")]
			sections[p] = true
		}
	}
	for _, doc := range file.Docs {
		if err := checkNode(name, doc.Body, "", known, durations, sections, maps); err != nil {
			return err
		}
	}
	return nil
}

func checkNode(name string, node ast.Node, prefix string, known, durations, sections, maps map[string]bool) error {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case nil, *ast.NullNode, *ast.CommentGroupNode:
		return nil
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		return fmt.Errorf("%s:%d: %s is a section: keys with values belong under it", name, node.GetToken().Position.Line, where(prefix))
	}
	for _, v := range values {
		key := v.Key.GetToken().Value
		path := strings.TrimPrefix(prefix+"."+key, ".")
		switch {
		case maps[path]: // free keys
		case durations[path]:
			t := v.Value.GetToken()
			if _, err := time.ParseDuration(t.Value); err != nil {
				return fmt.Errorf("%s:%d: %s: %w", name, t.Position.Line, path, errDuration)
			}
		case known[path]:
		case sections[path]:
			if err := checkNode(name, v.Value, path, known, durations, sections, maps); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s:%d: unknown key %s%s", name, v.Key.GetToken().Position.Line, path, suggestion(path, known, sections))
		}
	}
	return nil
}

func where(prefix string) string {
	if prefix == "" {
		return "the file"
	}
	return prefix
}

// suggestion names the nearest key, if one is near.
func suggestion(path string, sets ...map[string]bool) string {
	best, at := "", len(path)/2+2
	var all []string
	for _, set := range sets {
		for k := range set {
			all = append(all, k)
		}
	}
	slices.Sort(all)
	for _, k := range all {
		if d := min(distance(path, k), 1+distance(path[strings.LastIndex(path, ".")+1:], k[strings.LastIndex(k, ".")+1:])); k != "" && d < at {
			best, at = k, d
		}
	}
	if best == "" {
		return "; `customer360 config show` lists the keys"
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
