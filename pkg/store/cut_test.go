package store_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"testing"

	"gorm.io/gorm"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

// A Postgres that goes down at once, or a network that ends a connection, says
// nothing: what was asked for may be asked again.
func TestAConnectionThatEndsIsUnavailable(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(storetest.ServerURL(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	conns := make(chan net.Conn, 16)
	server := address.Host
	go func() {
		for {
			c, err := proxy.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", server)
			if err != nil {
				_ = c.Close()
				return
			}
			go func() { _, _ = io.Copy(up, c); _ = up.Close() }()
			go func() { _, _ = io.Copy(c, up); _ = c.Close() }()
			conns <- c
		}
	}()
	address.Host = proxy.Addr().String()
	db, err := store.Open(address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	direct, err := store.Open(storetest.ServerURL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	err = db.Tx(context.Background(), func(tx *gorm.DB) error {
		var backend int
		if err := tx.Raw("SELECT pg_backend_pid()").Scan(&backend).Error; err != nil {
			return err
		}
		c := <-conns
		go func() {
			for running := 0; running == 0; {
				if err := direct.Read(context.Background()).Raw("SELECT count(*) FROM pg_stat_activity WHERE pid = ? AND query LIKE '%pg_sleep%' AND state = 'active'", backend).Scan(&running).Error; err != nil {
					t.Error(err)
					break
				}
			}
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		return tx.Raw("SELECT 1 FROM pg_sleep(4)").Scan(new(int)).Error
	})
	if !errors.Is(err, store.ErrUnavailable) || !store.Transient(err) {
		t.Errorf("got %v", err)
	}
}
