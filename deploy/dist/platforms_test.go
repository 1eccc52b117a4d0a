package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// typeErrors checks the types of everything in the repository, tests included, as they are for
// that platform. That is what a cross compilation can fail of, at a fraction of its time.
func typeErrors(t *testing.T, target string, overlay map[string][]byte) (found []string) {
	t.Helper()
	goos, goarch, _ := strings.Cut(target, "/")
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	list, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedTypes | packages.NeedTypesSizes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedModule,
		Dir: root, Tests: true, Overlay: overlay,
		Env: append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch),
		ParseFile: func(set *token.FileSet, name string, text []byte) (*ast.File, error) {
			f, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
			if f != nil && !strings.HasPrefix(name, root) { // of others only what they declare counts
				for _, d := range f.Decls {
					if function, ok := d.(*ast.FuncDecl); ok {
						function.Body = nil
					}
				}
			}
			return f, err
		},
	}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for _, p := range list {
		if p.Module == nil || p.Module.Path != module || strings.HasSuffix(p.ID, ".test") { // its main is generated
			continue
		}
		ours++
		for _, e := range p.Errors {
			found = append(found, e.Error())
		}
	}
	if ours < 30 {
		t.Fatalf("%d packages found", ours)
	}
	return found
}

func TestEveryPlatformTypeChecks(t *testing.T) {
	for _, target := range []string{"windows/amd64", "darwin/arm64", "linux/arm64"} {
		for _, e := range typeErrors(t, target, nil) {
			t.Errorf("%s: %s", target, e)
		}
	}
}

func TestTypeErrorsOfAnotherPlatformAreFound(t *testing.T) {
	name, err := filepath.Abs("archive.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "\nvar _ = syscall.SIGSTOP\n"...)
	text = []byte(strings.Replace(string(text), "\t\"time\"\n", "\t\"syscall\"\n\t\"time\"\n", 1))
	found := typeErrors(t, "windows/amd64", map[string][]byte{name: text})
	if !strings.Contains(strings.Join(found, "\n"), "SIGSTOP") {
		t.Errorf("found %v", found)
	}
}
