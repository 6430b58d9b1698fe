package container

import (
	"context"
	"debug/elf"
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// An instruction of the Dockerfile, its continued lines joined.
type instruction struct{ word, rest string }

func dockerfile(t *testing.T) (stages [][]instruction) {
	t.Helper()
	text, err := os.ReadFile(root + "Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(string(text), "")
	lines = strings.ReplaceAll(lines, "\\\n", " ")
	for line := range strings.Lines(lines) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "":
			continue
		case "FROM":
			stages = append(stages, nil)
		}
		last := len(stages) - 1
		stages[last] = append(stages[last], instruction{word, strings.TrimSpace(rest)})
	}
	return stages
}

func find(stage []instruction, word, part string) string {
	for _, i := range stage {
		if i.word == word && strings.Contains(i.rest, part) {
			return i.rest
		}
	}
	return ""
}

func TestImageHoldsNothingButTill(t *testing.T) {
	t.Parallel()
	stages := dockerfile(t)
	if len(stages) != 2 {
		t.Fatalf("%d stages", len(stages))
	}
	build, image := stages[0], stages[1]
	if from := find(build, "FROM", ""); !regexp.MustCompile(`golang:1\.\d+`).MatchString(from) {
		t.Errorf("built from %s, which says no version", from)
	}
	gomod, err := os.ReadFile(root + "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := regexp.MustCompile(`(?m)^go (1\.\d+)`).FindSubmatch(gomod); !strings.Contains(find(build, "FROM", ""), "golang:"+string(want[1])) {
		t.Errorf("built with %s, and go.mod asks for %s", find(build, "FROM", ""), want[1])
	}
	if from := find(image, "FROM", ""); from != "scratch" {
		t.Errorf("made from %s", from)
	}
	if user := find(image, "USER", ""); !regexp.MustCompile(`^[1-9][0-9]+:[1-9][0-9]+$`).MatchString(user) {
		t.Errorf("runs as %q: without a passwd file it must be a number, and not root's", user)
	}
	if find(image, "COPY", "/etc/ssl/certs/ca-certificates.crt") == "" {
		t.Error("without certificates Stripe cannot be called")
	}
	for _, i := range image {
		if i.word == "RUN" {
			t.Errorf("RUN %s: there is nothing in scratch to run", i.rest)
		}
	}
}

// The build command of the Dockerfile, run on what .dockerignore lets through,
// makes a binary that needs nothing of the system; it starts as the image does
// and is well by the image's own health check.
func TestImagesBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds Till once more: -short")
	}
	t.Parallel()
	stages := dockerfile(t)
	source, out := t.TempDir(), t.TempDir()
	copySource(t, source)
	command := find(stages[0], "RUN", "go build")
	command = regexp.MustCompile(`--mount=\S+`).ReplaceAllString(command, "")
	command = strings.ReplaceAll(command, "/out/", out+"/")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "TARGETOS="+runtime.GOOS, "TARGETARCH="+runtime.GOARCH, "VERSION=v1.2.3-test")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s\n%v\n%s", command, err, text)
	}
	till := filepath.Join(out, "till")
	if runtime.GOOS == "linux" {
		isStatic(t, till)
	}
	if got := run(t, till, "--version"); got != "v1.2.3-test" {
		t.Errorf("its version is %q", got)
	}
	if got := run(t, till, "--help"); !strings.Contains(got, "serve") {
		t.Errorf("its help is %q", got)
	}

	address := freeAddress(t)
	entry := words(t, find(stages[1], "ENTRYPOINT", ""))
	start := exec.CommandContext(t.Context(), till, words(t, find(stages[1], "CMD", "serve"))...)
	if !slices.Equal(entry, []string{"/till"}) {
		t.Errorf("the image starts %v", entry)
	}
	env := append([]string{}, "TILL_ADDR="+address, "DATABASE_URL=sqlite:"+filepath.Join(out, "till.db"), "TILL_MIGRATE=on", "TILL_GUESTS=on",
		"TILL_GUEST_SECRET="+strings.Repeat("g", 32), "STRIPE_SECRET_KEY=sk_test_1", "STRIPE_PUBLISHABLE_KEY=pk_test_1", "STRIPE_WEBHOOK_SECRET=whsec_1")
	start.Env = env
	check := words(t, regexp.MustCompile(`^.*CMD `).ReplaceAllString(find(stages[1], "HEALTHCHECK", ""), ""))
	well := func() error {
		c := exec.CommandContext(t.Context(), till, check[1:]...)
		c.Env = []string{"TILL_ADDR=" + address}
		return c.Run()
	}
	if check[0] != "/till" || well() == nil {
		t.Fatalf("%v is well before Till runs", check)
	}
	var log strings.Builder
	start.Stderr = &log
	if err := start.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- start.Wait() }()
	for patience := time.After(30 * time.Second); well() != nil; {
		select {
		case err := <-ended:
			t.Fatalf("till ended: %v\n%s", err, log.String())
		case <-patience:
			t.Fatal("till is never well")
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := start.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("a stop ends with %v\n%s", err, log.String())
	}
}

// The health checks of the compose file ask for routes that there are.
func TestHealthChecksAskForRoutes(t *testing.T) {
	t.Parallel()
	for name, s := range load(t, dotenv, "demo").Services {
		if s.HealthCheck == nil || name == "postgres" {
			continue
		}
		test := strings.Join(s.HealthCheck.Test, " ")
		if !regexp.MustCompile(`^CMD /till health --url=http://127\.0\.0\.1:4242/(readyz|livez)$`).MatchString(test) {
			t.Errorf("%s is checked by %q", name, test)
		}
	}
}

func isStatic(t *testing.T, file string) {
	t.Helper()
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it needs an interpreter, which scratch does not have")
		}
	}
	if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("it needs %v (%v)", libraries, err)
	}
}

// copySource copies what .dockerignore lets through.
func copySource(t *testing.T, to string) {
	t.Helper()
	f, err := os.Open(root + ".dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	patterns, err := ignorefile.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	var files int
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil || name == "." {
			return err
		}
		if d.IsDir() {
			if d.Name() == "node_modules" || d.Name() == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		if skip, err := ignored.MatchesOrParentMatches(name); err != nil || skip {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(name)), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o644)
	})
	if err != nil || files < 50 {
		t.Fatalf("%d files are let through: %v", files, err)
	}
	for _, secret := range []string{".env", ".git", "e2e"} {
		if skip, err := ignored.MatchesOrParentMatches(secret); err != nil || !skip {
			t.Errorf("%s goes to the build (%v)", secret, err)
		}
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(context.Background(), name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

// words reads the exec form of an instruction.
func words(t *testing.T, text string) (out []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return out
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
