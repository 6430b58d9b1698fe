package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"till/pkg/config"
	"till/pkg/store"
)

// database is how commands that need nothing but the database are told of it.
type database struct {
	DatabaseURL config.Secret `name:"database-url" env:"DATABASE_URL" help:"Database: postgres://… or sqlite:FILE."`
	Data        string        `type:"path" placeholder:"DIR" help:"The database of the demo that keeps its data in this folder, also while it runs. Goes before DATABASE_URL."`
}

// open does not look at the schema, see openReady.
func (d *database) open() (*store.DB, error) {
	if d.Data != "" {
		file := filepath.Join(d.Data, databaseFile)
		if _, err := os.Stat(file); err != nil { // SQLite would make a new one
			return nil, fmt.Errorf("--data: no demo keeps its data in %s; start one by `till demo --data %s`: %w", d.Data, d.Data, err)
		}
		return store.Open("sqlite:" + file)
	}
	conf := config.Config{DatabaseURL: d.DatabaseURL}
	if err := conf.ReadFiles(map[string]string{"DATABASE_URL_FILE": os.Getenv("DATABASE_URL_FILE")}); err != nil {
		return nil, err
	}
	if conf.DatabaseURL != "" {
		return store.Open(string(conf.DatabaseURL))
	}
	return nil, errors.New("which database? Set DATABASE_URL, or name a demo's folder by --data DIR")
}

// openReady opens a database whose schema is the one that this till needs.
func (d *database) openReady(ctx context.Context) (*store.DB, error) {
	db, err := d.open()
	if err != nil {
		return nil, err
	}
	if err := db.Ready(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
