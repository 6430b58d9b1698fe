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
	"testing"

	"till/e2e/rig"
)

// root is the module's.
const root = "../.."

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
	plain, test := read(rig.Binary(t)), read(rig.Binary(t, "failpoint"))
	words := append([]string{"TILL_FAIL"}, savePoints...)
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
	cmd := exec.Command(rig.Binary(t), "serve")
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
	named := append(slices.Clone(savePoints), erasePoint)
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
