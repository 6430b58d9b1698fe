package kill

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// root is the module's.
const root = "../.."

var (
	buildOnce sync.Mutex
	buildDir  string
	built     = map[string]string{} // by the build's arguments
)

// build makes till with these arguments of go build, each way once.
func build(t *testing.T, args ...string) string {
	t.Helper()
	buildOnce.Lock()
	defer buildOnce.Unlock()
	way := strings.Join(args, " ")
	if bin := built[way]; bin != "" {
		return bin
	}
	if buildDir == "" {
		dir, err := os.MkdirTemp("", "till-kill-")
		if err != nil {
			t.Fatal(err)
		}
		buildDir = dir
	}
	bin, err := filepath.Abs(filepath.Join(buildDir, "till"+strings.ReplaceAll(way, " ", "")))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", append(append([]string{"build", "-o", bin}, args...), "./cmd/till")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", way, err, out)
	}
	built[way] = bin
	return bin
}

// A shop's binary must not be killable by a variable.
func TestPlainBuildHasNoFailpoints(t *testing.T) {
	t.Parallel()
	read := func(bin string) []byte {
		t.Helper()
		b, err := os.ReadFile(bin)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	plain, test := read(build(t)), read(build(t, "-tags", "failpoint"))
	words := []string{"TILL_FAIL"}
	for _, p := range points {
		words = append(words, p.name)
	}
	for _, word := range words {
		if bytes.Contains(plain, []byte(word)) {
			t.Errorf("the plain build holds %q", word)
		}
		if !bytes.Contains(test, []byte(word)) { // else the line above would show nothing
			t.Errorf("the test build does not hold %q", word)
		}
	}

	// It does not even start with the variable, as with any other that it does not know.
	cmd := exec.Command(build(t), "serve")
	cmd.Env = []string{"TILL_FAIL=start.committed"}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "TILL_FAIL is not a setting") {
		t.Errorf("a plain till that was given TILL_FAIL: %v\n%s", err, out)
	}
}

var mark = regexp.MustCompile(`failpoint\.Here\("([^"]+)"\)`)

// A failpoint that nobody dies at proves nothing.
func TestEveryFailpointIsDiedAt(t *testing.T) {
	t.Parallel()
	var marked []string
	for _, dir := range []string{"api", "cmd", "pkg"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" {
				return err
			}
			source, err := os.ReadFile(path)
			for _, m := range mark.FindAllSubmatch(source, -1) {
				marked = append(marked, string(m[1]))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var named []string
	for _, p := range points {
		named = append(named, p.name)
	}
	slices.Sort(marked)
	slices.Sort(named)
	if !slices.Equal(marked, named) {
		t.Errorf("the code has %v\nthe runs die at %v", marked, named)
	}
	if len(named) < 12 {
		t.Errorf("%d points are fewer than the steps of a payment", len(named))
	}
}
