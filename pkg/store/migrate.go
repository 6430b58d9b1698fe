package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations
var migrations embed.FS

// migrationLock is the advisory lock that one migrating process holds.
const migrationLock = 0x7111_0001

// Migration is one step of the schema and whether this database has it.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// Migrate brings the schema up to date and returns the names of the steps it
// took. One process migrates at a time; another one waits for it.
func (db *DB) Migrate(ctx context.Context) ([]string, error) {
	conn, release, err := db.migrationConn(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	provider, err := db.provider(conn)
	if err != nil {
		return nil, err
	}
	results, err := provider.Up(ctx)
	var done []string
	for _, r := range results {
		if r.Error == nil {
			done = append(done, r.Source.Path)
		}
	}
	if err != nil {
		return done, fmt.Errorf("migrate: %w", err)
	}
	jobs, err := rivermigrate.New(db.River(), nil)
	if err != nil {
		return done, err
	}
	result, err := jobs.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err != nil {
		return done, fmt.Errorf("migrate job queue: %w", err)
	}
	for _, name := range UnusedJobIndexes {
		if _, err := conn.ExecContext(ctx, "DROP INDEX IF EXISTS "+name); err != nil {
			return done, fmt.Errorf("drop %s: %w", name, err)
		}
	}
	for _, v := range result.Versions {
		done = append(done, fmt.Sprintf("job queue %03d: %s", v.Version, v.Name))
	}
	return done, nil
}

// MigrationStatus lists the steps of this binary's schema.
func (db *DB) MigrationStatus(ctx context.Context) ([]Migration, error) {
	provider, err := db.provider(db.writes.sql)
	if err != nil {
		return nil, err
	}
	steps, err := provider.Status(ctx)
	if err != nil {
		return nil, translate(err)
	}
	out := make([]Migration, len(steps))
	for i, s := range steps {
		out[i] = Migration{Version: s.Source.Version, Name: s.Source.Path, Applied: s.State == goose.StateApplied}
	}
	return out, nil
}

// Ready returns nil when the database answers and this binary can serve on its
// schema; else the error says what to do. A schema that is newer is served as
// long as it says that it is compatible with ours.
func (db *DB) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, turnWait)
	defer cancel()
	if err := db.Read(OwnWork(ctx)).Exec("SELECT 1").Error; err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	if err := db.trouble.err(); err != nil {
		return err
	}
	if db.migrated.Load() {
		return nil
	}
	sub, err := fs.Sub(migrations, db.migrationsDir())
	if err != nil {
		return err
	}
	files, err := fs.Glob(sub, "*.sql")
	if err != nil {
		return err
	}
	target, err := goose.NumericComponent(files[len(files)-1])
	if err != nil {
		return err
	}
	var current int64
	if err := db.Read(ctx).Raw("SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Find(&current).Error; err != nil || current < target {
		return fmt.Errorf("the schema is at version %d, this till needs %d: run `till migrate up`", current, target)
	}
	if current > target {
		oldest, err := db.Setting(ctx, "compatible_from")
		if err != nil {
			return err
		}
		if n, err := strconv.ParseInt(oldest, 10, 64); err != nil || n > target {
			return fmt.Errorf("the schema is at version %d and no longer serves this till, which knows %d: run a newer till", current, target)
		}
	}
	db.migrated.Store(true)
	return nil
}

func (db *DB) migrationsDir() string {
	if db.Postgres() {
		return "migrations/postgres"
	}
	return "migrations/sqlite"
}

func (db *DB) provider(conn *sql.DB) (*goose.Provider, error) {
	sub, err := fs.Sub(migrations, db.migrationsDir())
	if err != nil {
		return nil, err
	}
	dialect := goose.DialectSQLite3
	if db.Postgres() {
		dialect = goose.DialectPostgres
	}
	return goose.NewProvider(dialect, conn, sub, goose.WithDisableGlobalRegistry(true))
}

// UnusedJobIndexes are made by the job queue for people who search its jobs by
// their content. Till does not, and each would cost every job more than its row.
var UnusedJobIndexes = []string{"river_job_args_index", "river_job_metadata_index"}

// migrationWait is how long a process waits for another one that migrates.
const migrationWait = time.Minute

// migrationConn returns connections without the serving limits on a statement's
// time. It waits for the lock, which River's migrations, having none of their own,
// run under as well.
func (db *DB) migrationConn(ctx context.Context) (*sql.DB, func(), error) {
	if !db.Postgres() {
		release, err := db.lockFile(ctx)
		return db.writes.sql, release, err
	}
	conf, err := pgx.ParseConfig(db.url)
	if err != nil {
		return nil, nil, errors.New("DATABASE_URL is not a Postgres address")
	}
	conf.RuntimeParams["application_name"] = "till migrate"
	conn := stdlib.OpenDB(*conf)
	wait, cancel := context.WithTimeout(ctx, migrationWait)
	defer cancel()
	holder, err := conn.Conn(wait)
	if err != nil {
		return nil, nil, errors.Join(translate(err), conn.Close())
	}
	if _, err := holder.ExecContext(wait, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("another process is migrating: %w", err), holder.Close(), conn.Close())
	}
	return conn, func() { // closing the session gives the lock back; the pool closes only what was returned to it
		_ = holder.Close()
		_ = conn.Close()
	}, nil
}

// lockFile locks a file beside SQLite's. SQLite's own lock covers one step, and
// which steps are missing is read before it. The file stays: whoever removed it
// would take the lock from a process that waits for it.
func (db *DB) lockFile(ctx context.Context) (release func(), err error) {
	wait, cancel := context.WithTimeout(ctx, migrationWait)
	defer cancel()
	lock := flock.New(strings.TrimPrefix(db.url, "sqlite:") + ".migrate-lock")
	if _, err := lock.TryLockContext(wait, 50*time.Millisecond); err != nil {
		return nil, fmt.Errorf("another process is migrating: %w", err)
	}
	return func() { _ = lock.Unlock() }, nil
}
