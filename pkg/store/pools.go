package store

import "database/sql"

// Pools are the connection pools by name, for their statistics: on Postgres one
// for what callers write, one for reading, one for Till's own work and one for the
// job queue; on SQLite one for writing and one for reading.
func (db *DB) Pools() map[string]*sql.DB {
	if !db.Postgres() {
		return map[string]*sql.DB{"write": db.writes.sql, "read": db.reads.sql}
	}
	return map[string]*sql.DB{"write": db.writes.sql, "read": db.reads.sql, "own": db.own.sql, "jobs": db.jobs}
}
