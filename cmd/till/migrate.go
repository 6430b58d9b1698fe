package main

import (
	"context"
	"errors"
	"fmt"
)

type migrateCommand struct {
	Up     migrateUp     `cmd:"" help:"Apply what is missing. One process at a time does it; others wait."`
	Status migrateStatus `cmd:"" help:"List the steps, and which of them this database has."`
}

type migrateUp struct{ database }

func (c *migrateUp) Run(ctx context.Context) error {
	db, err := c.open()
	if err != nil {
		return err
	}
	defer db.Close()
	done, err := db.Migrate(ctx)
	for _, step := range done {
		fmt.Println("applied", step)
	}
	if err == nil && len(done) == 0 {
		fmt.Println("the schema is up to date")
	}
	return err
}

type migrateStatus struct{ database }

func (c *migrateStatus) Run(ctx context.Context) error {
	db, err := c.open()
	if err != nil {
		return err
	}
	defer db.Close()
	steps, err := db.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	missing := 0
	for _, s := range steps {
		state := "applied"
		if !s.Applied {
			state = "missing"
			missing++
		}
		fmt.Printf("%-8s %s\n", state, s.Name)
	}
	if missing > 0 {
		return errors.New("the schema is behind: run `till migrate up`")
	}
	return nil
}
