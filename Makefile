# Till's commands. `make` alone lists them.
SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo bench test test-fast test-full lint generate vet generated race suite fuzz long

# What `make generate` writes, all of it committed.
GENERATED := api/openapi/openapi.gen.go api/openapi/contract.yaml pkg/sandbox/internal/spec/tables.json.gz pkg/sandbox/internal/newer/description.json \
	examples/react/src/api.gen.ts examples/react/dist docs/architecture.md docs/configuration.md docs/operations.md docs/sandbox.md

# The race detector needs a C compiler. Nothing else does.
RACE = $(shell .ci/race)
TIMEOUT := 12m

# go test, with what has failed at the end.
GOTEST := go tool -modfile=.ci/tools.mod gotestsum --hide-summary=skipped --

help:
	@echo 'Till, a headless payments API over Stripe'
	@echo
	@echo '  make demo       a shop to pay in, with Till and an offline Stripe: http://127.0.0.1:4242'
	@echo '  make test       what CI runs: both databases, race detector, browser, lint, generated files'
	@echo '  make test-fast  Go alone, on SQLite: no Node, no Postgres, no race detector, no killing'
	@echo '  make test-full  make test, then the long runs: fuzzing, property tests, repetition'
	@echo '  make bench      Till against the database and a bare proxy, as ratios (BENCH=--help lists options)'
	@echo '  make lint       golangci-lint, and redocly for openapi.yaml, as CI runs them'
	@echo '  make generate   write what is generated from openapi.yaml, Stripe’s description and the code; and the shop’s build'

demo:
	go run ./cmd/till demo

bench: e2e/node_modules/.installed
	go build -o bin/bench ./bench
	node e2e/run.mjs --durable --no-browser -- bin/bench $(BENCH)

test: e2e/node_modules/.installed vet lint generated fuzz race
	node e2e/run.mjs -- $(MAKE) --no-print-directory suite

test-fast:
	TILL_TEST_DATABASE_URL= CI= go test -short -timeout=$(TIMEOUT) ./...

test-full: test
	node e2e/run.mjs -- $(MAKE) --no-print-directory long
	@if command -v govulncheck >/dev/null; then govulncheck ./...; \
	else printf '\n!!!! govulncheck: SKIPPED, it is not installed (go install golang.org/x/vuln/cmd/govulncheck@latest)\n\n'; fi

lint: e2e/node_modules/.installed
	go tool -modfile=.ci/tools.mod golangci-lint run ./...
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true e2e/node_modules/.bin/redocly lint --config .ci/redocly.yaml openapi.yaml

generate: examples/react/node_modules/.installed
	go generate ./api/openapi ./pkg/sandbox/...
	go test ./docs -update
	go test ./pkg/sandbox -args -update
	npm run --prefix examples/react --silent build

# ---- the steps of the above ----

vet:
	go vet ./...
	go vet -tags failpoint ./...

# What is committed must be what generating makes. The files are compared with
# themselves before, so that this also holds on a tree with changes; on a fresh
# clone it is the same as a clean `git diff`.
generated:
	@.ci/unchanged $(GENERATED) -- $(MAKE) --no-print-directory generate

race:
	@if [ -z "$(RACE)" ]; then \
		printf '\n!!!! race detector: SKIPPED, it needs a C compiler (apt-get install gcc)\n\n'; \
		[ "$$CI" != true ]; \
	else echo "race detector: on, with $$(go env CC)"; fi

# Their crowds need all cores to be served in time.
ALONE := e2e/flow
# Thousands of requests, one after the other: the race detector would take ten
# minutes to see there what it sees in the crowds. make test-full has it on.
BY_ONE := e2e/access e2e/badinput

# suite runs inside e2e/run.mjs, which gives it a Postgres and a Chromium.
suite:
	@rm -rf e2e/out/requests # of an earlier run
	$(GOTEST) $(RACE) -shuffle=on -timeout=$(TIMEOUT) $$(go list ./... | grep -vxF $(foreach p,$(ALONE) $(BY_ONE),-e till/$p))
	$(GOTEST) -shuffle=on -timeout=$(TIMEOUT) $(addprefix ./,$(BY_ONE)) # without the race detector
	@cat e2e/out/access.txt e2e/out/badinput.txt # who called what, and what was refused, counted
	@cat e2e/out/kill.txt # where the real binary died, and what came of it
	@cat e2e/out/replicas.txt # what restarts and deaths under load have cost
	@cat e2e/out/database.txt # what Till met and answered while its database was broken
	$(GOTEST) $(RACE) -shuffle=on -timeout=$(TIMEOUT) $(addprefix ./,$(ALONE))
	go -C e2e/stripemock test -count=1 . # what the tests above have asked of Stripe
	go -C e2e/stripemock/v185 test -count=1 .
	@cat e2e/out/stripemock.txt e2e/out/stripemock-tokens.txt
	go build -o bin/till ./cmd/till
	TILL_BIN=bin/till node --test $(wildcard e2e/*.test.mjs)

fuzz:
	.ci/fuzz 10000

long:
	.ci/fuzz 500000
	go test $(RACE) -timeout=60m $(filter-out ./e2e/random/,$(RAPID)) -rapid.checks=1000
	TILL_TEST_LONG=1 go test $(RACE) -timeout=60m ./e2e/random -rapid.checks=300 # 36,000 requests
	$(GOTEST) $(RACE) -shuffle=on -timeout=60m -count=3 ./...
	TILL_TEST_LONG=1 go test -timeout=60m ./e2e/books
	TILL_TEST_LONG=1 go test -timeout=30m ./e2e/replicas && cat e2e/out/replicas.txt
	TILL_TEST_LONG=1 go test -timeout=30m ./e2e/database && cat e2e/out/database.txt
	go build -o bin/till ./cmd/till
	TILL_TEST_LONG=1 TILL_BIN=bin/till node --test $(wildcard e2e/*.test.mjs) # in all places and lights

# The packages with property tests: only they know the flag -rapid.checks.
RAPID = $(addprefix ./,$(sort $(dir $(shell grep -rl --include='*_test.go' pgregory.net/rapid api cmd pkg e2e --exclude-dir=node_modules))))

# npm ci runs when a lock file has changed. No package may run scripts of its own.
%/node_modules/.installed: %/package-lock.json
	npm ci --prefix $* --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
