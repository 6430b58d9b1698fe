package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is something measured, in a process of its own.
type process struct {
	name  string
	url   string
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
	ready time.Duration // from the start to the first good answer
}

// start runs argv, which listens on the address that {addr} stands for in its
// arguments and environment, until healthPath answers 200.
func start(name, folder, healthPath string, env []string, argv ...string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	fill := func(in []string) []string {
		out := make([]string, len(in))
		for i, s := range in {
			out[i] = strings.ReplaceAll(s, "{addr}", addr)
		}
		return out
	}
	argv = fill(argv)
	p := &process{name: name, url: "http://" + addr, cmd: exec.Command(argv[0], argv[1:]...), log: filepath.Join(folder, name+".log"), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	p.cmd.Env = append(os.Environ(), fill(env)...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	for deadline := time.Now().Add(20 * time.Second); ; {
		if res, err := http.Get(p.url + healthPath); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				p.ready = time.Since(began)
				return p, nil
			}
		}
		select {
		case <-p.ended:
			return nil, fmt.Errorf("%s ended at once:\n%s", name, p.tail())
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.stop()
			return nil, fmt.Errorf("%s does not get ready:\n%s", name, p.tail())
		}
	}
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

func (p *process) tail() string {
	text, _ := os.ReadFile(p.log)
	return string(text[max(0, len(text)-2000):])
}

// cpu is the processor time used so far; 0 where the system does not tell.
func (p *process) cpu() time.Duration { return cpuOf(p.cmd.Process.Pid) }

func cpuOf(pid int) time.Duration {
	fields := statOf(pid)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
}

// statOf is what Linux tells of a process behind its name, from the state on.
func statOf(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, after, _ := bytes.Cut(text, []byte(") "))
	return strings.Fields(string(after))
}

// serverCPU is the processor time that a Postgres server on this machine has used
// in all of its processes; 0 for SQLite and where the system does not tell.
func (db engineDB) serverCPU(ctx context.Context, conn *sql.DB) (sum time.Duration) {
	var backend int
	if !db.postgres || conn.QueryRowContext(ctx, "SELECT pg_backend_pid()").Scan(&backend) != nil {
		return 0
	}
	server := parentOf(backend)
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		if pid, _ := strconv.Atoi(filepath.Base(folder)); pid == server || parentOf(pid) == server && server != 0 {
			sum += cpuOf(pid)
		}
	}
	return sum
}

func parentOf(pid int) int {
	fields := statOf(pid)
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

// peak is the most memory that was resident, in bytes; 0 where the system does not tell.
func (p *process) peak() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// profile takes a CPU profile of a few seconds from now on, if file is not empty,
// and returns how to wait for it.
func (b *bench) profile() (wait func() error) {
	file := b.opt.Run.Profile
	if file == "" {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		res, err := http.Get("http://" + b.metrics + "/debug/pprof/profile?seconds=4")
		if err != nil {
			done <- err
			return
		}
		defer func() { _ = res.Body.Close() }()
		profile, err := io.ReadAll(res.Body)
		done <- errors.Join(err, os.WriteFile(file, profile, 0o644))
	}()
	return func() error { return <-done }
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// build makes the binary that is measured.
func build(folder string) (string, error) {
	binary := filepath.Join(folder, "till")
	out, err := exec.Command("go", "build", "-o", binary, "./cmd/till").CombinedOutput()
	if err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return binary, nil
}
