package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// listenSilence is how long a listening connection may say nothing before it is
	// asked whether it is still there: a broken network tells nobody.
	listenSilence = 30 * time.Second
	// listenTimeout bounds connecting, and the answer to that question.
	listenTimeout = 5 * time.Second
	// listenBackoff is the longest pause between two tries to connect.
	listenBackoff = 10 * time.Second
	// NotifyLimit is how long a payload of Notify may be, bytes.
	NotifyLimit = 7999
)

// Notify tells every process that listens to the channel, this one included.
// Nobody may depend on hearing it: it is lost where the database restarts, and
// does not come through a pooler that shares connections. On SQLite it does nothing.
func (db *DB) Notify(ctx context.Context, channel, payload string) error {
	if !db.Postgres() {
		return nil
	}
	// It may be lost, so its commit need not wait for the disk.
	err := db.Write(ctx).Exec("SELECT set_config('synchronous_commit', 'off', true), pg_notify(?, ?)", channel, payload).Error
	return translate(err)
}

// Listen hands what is Notified on the channel to heard, one after the other,
// until ctx ends. It connects again by itself, ever more seldom, and tells of
// each connection by up, and of its end: in between, something may be missed.
// On SQLite there is nothing to hear.
func (db *DB) Listen(ctx context.Context, channel string, up func(bool), heard func(payload string)) {
	for pause := listenBackoff >> 6; db.Postgres() && ctx.Err() == nil; pause = min(2*pause, listenBackoff) {
		connected, err := db.listenOnce(ctx, channel, up, heard)
		if connected {
			up(false)
			pause = listenBackoff >> 6
		}
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	<-ctx.Done()
}

// listenOnce listens until the connection breaks, or ctx ends, which is no error.
func (db *DB) listenOnce(ctx context.Context, channel string, up func(bool), heard func(payload string)) (connected bool, err error) {
	conn, err := db.openListener(ctx, channel)
	if err != nil {
		return false, err
	}
	defer func() {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(bye)
	}()
	up(true)
	for {
		wait, cancel := context.WithTimeout(ctx, listenSilence)
		n, err := conn.WaitForNotification(wait)
		silent := wait.Err() != nil
		cancel()
		switch {
		case err == nil:
			heard(n.Payload)
			continue
		case ctx.Err() != nil:
			return true, nil
		case !silent:
			return true, err
		}
		ask, cancel := context.WithTimeout(ctx, listenTimeout)
		err = conn.Ping(ask)
		cancel()
		if err != nil {
			return true, err
		}
	}
}

// openListener takes the connection out of its pool: it is kept for good.
func (db *DB) openListener(ctx context.Context, channel string) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	pooled, err := db.listen.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	conn := pooled.Hijack()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("listen to %s: %w", channel, err)
	}
	return conn, nil
}
