package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"till/pkg/config"
)

// healthCommand is for containers: the image holds no shell and no curl.
type healthCommand struct {
	URL  string `name:"url" placeholder:"URL" help:"What to ask; default /readyz at TILL_ADDR or PORT on this machine."`
	Addr string `env:"TILL_ADDR" hidden:""`
	Port string `env:"PORT" hidden:""`
}

const healthTimeout = 3 * time.Second

// Run succeeds where the answer is 200, and repeats the answer where it is not.
func (c *healthCommand) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	url, err := c.url()
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(fmt.Sprintf("%s answers %d\n%s", url, res.StatusCode, text)))
	}
	fmt.Println(strings.TrimSpace(string(text)))
	return nil
}

func (c *healthCommand) url() (string, error) {
	if c.URL != "" {
		return c.URL, nil
	}
	listen := (&config.Config{Addr: c.Addr, Port: c.Port}).Listen()
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("TILL_ADDR: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/readyz", nil
}
