// Command dist builds what is handed out: a static binary for each platform in an
// archive with licence, README and shell completions, and SHA256SUMS over them all.
//
// The same commit, Go version and flags give the same bytes: no path, no time of the
// build, no owner and no machine is in them (TestSameBytes).
package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	module  = "customer360"
	command = "./cmd/customer360"
	linkPkg = module + "/cmd/customer360/internal/cli"
	all     = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64"
)

func main() {
	targets := flag.String("targets", all, "platforms, GOOS/GOARCH, separated by commas")
	out := flag.String("out", "dist", "folder for the archives")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *out, strings.Split(*targets, ","))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// origin is the commit that is built.
type origin struct {
	version, revision string
	time              time.Time // of the commit: all files in the archives carry it
}

func describe(ctx context.Context) (origin, error) {
	version, err := output(ctx, "git", "describe", "--tags", "--always", "--dirty")
	if err != nil {
		return origin{}, err
	}
	line, err := output(ctx, "git", "log", "-1", "--format=%H %ct")
	if err != nil {
		return origin{}, err
	}
	revision, stamp, _ := strings.Cut(line, " ")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return origin{}, fmt.Errorf("git log's commit time %q: %w", stamp, err)
	}
	return origin{version, revision, time.Unix(seconds, 0).UTC()}, nil
}

func output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

func run(ctx context.Context, out string, targets []string) error {
	from, err := describe(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	common, err := commonFiles(ctx)
	if err != nil {
		return err
	}
	for _, target := range targets {
		goos, goarch, ok := strings.Cut(target, "/")
		if !ok {
			return fmt.Errorf("-targets: %q is not GOOS/GOARCH", target)
		}
		binary, err := build(ctx, from, goos, goarch)
		if err != nil {
			return err
		}
		name := "customer360"
		if goos == "windows" {
			name += ".exe"
		}
		files := append([]file{{name: name, mode: 0o755, data: binary}}, common...)
		folder := fmt.Sprintf("customer360_%s_%s_%s", from.version, goos, goarch)
		path, err := archive(filepath.Join(out, folder), folder, goos == "windows", files, from.time)
		if err != nil {
			return err
		}
		fmt.Printf("%s  %d bytes, binary %d\n", path, size(path), len(binary))
	}
	return sums(out)
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// build returns the bytes of a static binary.
func build(ctx context.Context, from origin, goos, goarch string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "customer360-dist-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system's folder for what is temporary
	binary := filepath.Join(dir, "customer360")
	link := fmt.Sprintf("-s -w -buildid= -X %s.release=%s -X %s.revision=%s", linkPkg, from.version, linkPkg, from.revision)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", link, "-o", binary, command)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+goos, "GOARCH="+goarch)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("building for %s/%s: %w", goos, goarch, err)
	}
	return os.ReadFile(binary)
}

// commonFiles are in every archive.
func commonFiles(ctx context.Context) ([]file, error) {
	var files []file
	for _, name := range []string{"LICENSE", "README.md"} {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("%w; run it from the repository's folder", err)
		}
		files = append(files, file{name: name, mode: 0o644, data: data})
	}
	for _, shell := range []string{"bash", "fish", "powershell", "zsh"} {
		script, err := output(ctx, "go", "run", command, "completion", shell)
		if err != nil {
			return nil, err
		}
		files = append(files, file{name: "completion/customer360." + shell, mode: 0o644, data: []byte(script + "\n")})
	}
	return files, nil
}

// sums writes SHA256SUMS over everything else in the folder, as sha256sum -c reads it.
func sums(out string) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	var lines []string
	for _, e := range entries {
		if e.Name() == "SHA256SUMS" || !e.Type().IsRegular() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(out, e.Name()))
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(data), e.Name()))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(strings.Join(lines, "")), 0o644) //nolint:gosec // for everybody to read
}
