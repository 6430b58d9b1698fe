package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

func openPostgres(url string) (*DB, error) {
	conf, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL is not a Postgres address") // err holds the password
	}
	bound := func(name, value string) {
		if _, set := conf.RuntimeParams[name]; !set {
			conf.RuntimeParams[name] = value
		}
	}
	bound("application_name", "till")
	bound("timezone", "UTC")
	bound("statement_timeout", "5000")
	bound("lock_timeout", "4000")
	bound("idle_in_transaction_session_timeout", "10000")
	conf.ConnectTimeout = 5 * time.Second

	sqlDB := stdlib.OpenDB(*conf)
	sqlDB.SetMaxOpenConns(24)
	sqlDB.SetMaxIdleConns(24)
	sqlDB.SetConnMaxLifetime(time.Hour)

	// LISTEN holds a connection for good, so it has a small pool of its own.
	listen, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL is not a Postgres address")
	}
	listen.MaxConns, listen.MinConns = 2, 0
	pool, err := pgxpool.NewWithConfig(context.Background(), listen)
	if err != nil {
		return nil, fmt.Errorf("open listener pool: %w", err)
	}

	gormConf := gormConfig()
	gormConf.DisableAutomaticPing = true
	g, err := gorm.Open(postgres.New(postgres.Config{Conn: sqlDB}), gormConf)
	if err != nil {
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	return &DB{write: g, read: g, sql: sqlDB, readSQL: sqlDB, listen: pool, url: url}, nil
}
