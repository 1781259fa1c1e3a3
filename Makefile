# make lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: no-node help run dev build deb test test-ui test-all bench bench-ui screenshots check generate

GO      ?= go
PROGRAM := bin/parley
UI       = web/dist/app/index.html
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
# Packages whose tests start PostgreSQL, Redis, an S3 server or a ClamAV daemon.
SERVED = ./internal/store/sqlstore ./internal/blob/s3 ./internal/scan/clamd ./internal/bus/redis ./internal/state/redis ./internal/recent/redis ./internal/core ./internal/app/... ./internal/pgtest
# Those that move the whole demo community between them, which would take the race detector many minutes to watch.
MOVES = ./internal/moving ./cmd/parley
# What make generate writes.
GENERATED := docs/configuration.md docs/parley.sample.toml docs/cli.md api/openapi.yaml web/src/lib/api/types.ts

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The web UI is built again when one of its sources changed. Without Node the program is built without it.
ifeq ($(shell command -v npm),)
UI = no-node
endif
no-node:
	@echo "npm is missing: building without the web UI. Install Node.js 20.19 or later to have it."
# Not npm ci: npm 11 refuses the lock file, because packages of other platforms that a dependency of paraglide names are not published.
web/node_modules/.installed: web/package-lock.json web/.npmrc
	cd web && npm install --no-save --no-progress --loglevel=error && touch node_modules/.installed
web/dist/app/index.html: web/node_modules/.installed $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -path web/e2e -prune -o -path web/src/lib/i18n/paraglide -prune -o -type f ! -name '*.go' ! -name '*.md' ! -name '*.test.ts' -print)
	cd web && npm run --silent build

run: build ## build, and serve on http://127.0.0.1:8080 with the data in ./data
	exec $(PROGRAM) serve

dev: build ## serve throw-away data with people already talking
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && $(PROGRAM) demo --data "$$dir" && $(PROGRAM) serve --data "$$dir"

build: $(UI) ## the web UI and the program, as bin/parley
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $(PROGRAM) ./cmd/parley

deb: build ## a Debian package of it, in bin
	sh deploy/deb/build.sh $(PROGRAM) bin

test: ## vet, and all tests but the end-to-end ones, with the race detector
	$(GO) vet ./...
	TEST_SERVICES=later $(GO) test -race -timeout 10m $$($(GO) list ./... | grep -Ev '/(e2e|internal/demo)$$')
	$(GO) test ./internal/demo # tells its story on one goroutine: the race detector finds nothing there

test-ui: build ## the web UI: types, units, and stories in a real Chromium before the built program
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20.19 or later"; exit 1; }
	@command -v chromium >/dev/null || [ -n "$$CHROMIUM" ] || { echo "chromium is missing: install it, or name another one in CHROMIUM"; exit 1; }
	cd web && npm run --silent check && npm test --silent && npm run --silent e2e

test-all: test ## the same, with the race detector on servers too, and the built program and the UI driven from outside
	$(GO) test $(SERVED) $(MOVES)
	$(GO) test -race -timeout 20m $(SERVED)
	$(GO) test -timeout 15m ./e2e/...
	$(MAKE) --no-print-directory test-ui

bench: build ## measure the built program; writes docs/benchmarks.md
	$(GO) build -o bin/bench ./tools/bench
	@if [ "$$(nproc)" -gt 1 ] && command -v taskset >/dev/null; then pin="taskset -c 1"; export BENCH_SERVER_CPU=0; fi; \
	  $$pin bin/bench -binary $(PROGRAM) -out docs/benchmarks.md

bench-ui: build ## measure the web UI in a slowed Chromium; writes its table in docs/benchmarks.md
	cd web && npm run --silent measure

screenshots: build ## every screen of the web UI into docs/screenshots
	cd web && npm run --silent screenshots

generate: ## the files that are made from the code
	$(GO) run ./tools/configdoc
	$(GO) run ./tools/openapi
	$(GO) run ./cmd/parley reference > docs/cli.md.new && mv docs/cli.md.new docs/cli.md

check: ## what CI runs: form, analysis, generated files, tests, known vulnerabilities
	@unformatted=$$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 gofmt -l); \
	  [ -z "$$unformatted" ] || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	$(GO) tool staticcheck ./...
	@before=$$(sha256sum $(GENERATED)); $(MAKE) --no-print-directory generate; \
	  [ "$$before" = "$$(sha256sum $(GENERATED))" ] || { echo "generated files were not current: they are now, commit them"; exit 1; }
	$(MAKE) --no-print-directory test-all
	@.ci/vulnerabilities
