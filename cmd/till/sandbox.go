package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"till/pkg/sandbox"
	"till/pkg/telemetry"
)

type sandboxCommand struct {
	Addr  string `default:"127.0.0.1:12111" help:"Address to listen on."`
	State string `type:"path" placeholder:"FILE" help:"Keep the state in this file."`
}

func (c *sandboxCommand) Run(ctx context.Context) error {
	log, err := telemetry.NewLog(os.Stderr, "info", "text")
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Addr) // before the state is touched, which another may be serving
	if err != nil {
		return err
	}
	s, err := sandbox.New(sandbox.Options{StateFile: c.State, Log: log})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Println("sandbox listening on http://" + listener.Addr().String())
	return errors.Join(serveSandbox(ctx, s, listener), s.Close())
}

// serveSandbox answers until ctx ends. A caller that waits for a delayed answer
// is not waited for: it has come to see a cut connection.
func serveSandbox(ctx context.Context, s *sandbox.Sandbox, listener net.Listener) error {
	server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			return server.Close()
		}
		return nil
	}
}
