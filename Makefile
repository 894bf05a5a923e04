# All commands of the project. `make help` lists them; CI calls the same ones.
.DEFAULT_GOAL := help
# The lock file is part of the source: a dependency that moved within its range has broken builds before.
CARGO ?= cargo
LOCKED ?= --locked

.PHONY: help setup demo run build release ui test test-ui lint fmt sqlx openapi scenarios conformance test-clients chaos bench

help: ## list these commands
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install the missing system packages (Debian, as root), or name them
	@scripts/setup.sh test

demo: ## build, start everything embedded, run the patterns and the whole pipeline, stop; AIRFLOW=1: on a real Airflow
	@scripts/setup.sh run
	@scripts/ui.sh build
	$(CARGO) build $(LOCKED) -p podium-server
	@$(CARGO) run -q $(LOCKED) -p podium-server -- demo --output target/demo

run: ## start the same as the demo and stay; the pages and the API are on http://127.0.0.1:8080
	@scripts/setup.sh run
	@scripts/ui.sh build
	$(CARGO) run $(LOCKED) -p podium-server -- dev

build: ## build everything (debug)
	@scripts/setup.sh build
	@scripts/ui.sh build
	$(CARGO) build $(LOCKED) --workspace --all-targets

release: ## build the optimised binary, target/release/podium
	@scripts/setup.sh build
	@scripts/ui.sh build
	$(CARGO) build $(LOCKED) --release -p podium-server

ui: ## build the pages (ui/dist), which become part of the binary
	@scripts/setup.sh build
	@scripts/ui.sh build

test: ## all tests: real PostgreSQL, a real Kafka node, recorded answers of a genuine Conductor, official SDKs
	@scripts/setup.sh test
	@scripts/airflow.sh install
	@scripts/moto.sh install
	@scripts/ui.sh build
	$(CARGO) build $(LOCKED) -p podium-server
	$(CARGO) build $(LOCKED) -p podium-events --example external_router
	$(CARGO) test $(LOCKED) --workspace --exclude podium-tests
	$(CARGO) test $(LOCKED) -p podium-tests --lib --test architecture --test docs --test api --test conformance --test engine --test pipeline --test compose --test clients
	PODIUM_CHAOS_KILLS=$${PODIUM_CHAOS_KILLS:-16} PODIUM_CHAOS_PIPELINES=$${PODIUM_CHAOS_PIPELINES:-12} $(CARGO) test $(LOCKED) -p podium-tests --test chaos
	@scripts/ui.sh check
	@scripts/ui.sh e2e

test-ui: ## the tests of the pages: model, widgets, and a real Chromium against a real `podium dev`
	@scripts/setup.sh test
	@scripts/ui.sh build
	$(CARGO) build $(LOCKED) -p podium-server
	@scripts/ui.sh check
	@scripts/ui.sh e2e

lint: ## formatting and warnings, both as errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings

fmt: ## format the code
	$(CARGO) fmt --all

sqlx: ## renew .sqlx/, which lets the workspace build without a database
	scripts/sqlx-prepare.sh

openapi: ## renew openapi/podium.json from the code
	$(CARGO) run -q $(LOCKED) -p podium-server -- openapi > openapi/podium.json.new
	mv openapi/podium.json.new openapi/podium.json

scenarios: ## renew docs/scenarios.md, after a change of pending.txt or of a scenario
	PODIUM_DOCS_UPDATE=1 $(CARGO) test -q $(LOCKED) -p podium-tests --test docs the_page_of_scenarios

conformance: ## the recorded scenarios of a genuine Conductor, against Podium
	@scripts/setup.sh test
	$(CARGO) test $(LOCKED) -p podium-tests --test conformance

test-clients: ## the official SDKs and generated clients against Podium (downloads them once)
	@scripts/setup.sh clients
	$(CARGO) build $(LOCKED) -p podium-server
	$(CARGO) test $(LOCKED) -p podium-tests --test clients

chaos: ## the long tests: processes killed 50 times (and 5 with everything embedded) while load runs
	@scripts/setup.sh test
	$(CARGO) build $(LOCKED) -p podium-server
	$(CARGO) test $(LOCKED) -p podium-tests --test chaos -- --nocapture

bench: ## measure against the limit of a bare PostgreSQL (about 15 minutes)
	@scripts/setup.sh test
	$(CARGO) build $(LOCKED) --release -p podium-server
	$(CARGO) run $(LOCKED) --release -p podium-bench
