// Command bench measures Till against what stands below it, in one run on one
// machine: its webhook path against the database's own limit, by the same kind of
// transaction through pgx, and its intent path against a bare reverse proxy in
// front of the same stub of Stripe. What counts are the ratios; the absolute
// figures say more about the machine.
//
//	make bench                 everything, on Postgres with fsync on and on SQLite
//	make bench BENCH='-only webhooks -callers 64'
//
// Till runs as the real binary in a process of its own with its workers, limits
// and log on. After each run the books are checked by SQL: orders paid =
// deliveries = effects, or the bench fails.
package main
