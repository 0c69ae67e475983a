# One command each, the same here and in CI. `make` alone lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
# Compiling every module anew for each process that a test starts would cost more than most of what they do.
unexport PYTHONDONTWRITEBYTECODE
# Enough environment to import the settings; nothing here is ever connected to.
CHECK_ENV := ARMSTRONG_SECRET_KEY=check DATABASE_URL=postgresql://check@127.0.0.1:1/check REDIS_URL=redis://127.0.0.1:1/0

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## install runtime and development requirements into .venv
	@sh scripts/install.sh dev

run: ## install what runs, then start everything on this machine; Ctrl-C stops it
	@sh scripts/install.sh runtime && exec .venv/bin/armstrong up --simulated-payments

check: setup ## lint, types, layers, migrations, sizes
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(CHECK_ENV) $(PYTHON) -m mypy
	@.venv/bin/lint-imports
	@$(CHECK_ENV) $(PYTHON) -W ignore manage.py makemigrations --check --dry-run
	@$(PYTHON) scripts/check_sizes.py

test: setup ## the fast suite; PYTEST_ARGS='tests/billing -k name' picks
	@$(PYTHON) -m pytest -n auto --durations=40 -m 'not e2e and not deploy and not peers and not system' $(PYTEST_ARGS)

system: setup ## the platform's own processes: started, killed, exhausted, and driven by clients in processes of theirs
	@$(PYTHON) -m pytest -n auto --durations=20 -m 'system and not e2e and not deploy and not peers' $(PYTEST_ARGS)

e2e: setup ## drive the console with Chromium, installing it where it is not; SCREENSHOTS=folder keeps what it sees
	@sh scripts/chromium.sh
	@$(PYTHON) -m pytest -m e2e tests/e2e $(PYTEST_ARGS)

conformance: setup ## the official conformance suite, other people's clients and servers, installing them
	@$(PYTHON) -m tests.conformance
	@$(PYTHON) -m pytest -m peers tests/clients tests/mcp_runtime/others_servers tests/console/test_scim_compliance.py $(PYTEST_ARGS)

fuzz: setup ## over a million inputs for the decoder, the ladder and all that parses; FUZZ_ARGS=--short is for CI
	@$(PYTHON) -m tests.fuzz $(FUZZ_ARGS)
	@BILLING_EVENTS=$(if $(findstring --short,$(FUZZ_ARGS)),1000,10000) $(PYTHON) -m pytest -q tests/billing/stripe/test_sequences.py
	@FUZZ_EXAMPLES=$(if $(findstring --short,$(FUZZ_ARGS)),200,2000) $(PYTHON) -m pytest -q --timeout 900 tests/attacks/test_properties.py tests/attacks/test_any_*.py

corpus: setup ## import thousands of real OpenAPI documents, installing them, and account for every operation; CORPUS_ARGS=--short
	@$(PYTHON) -m tests.openapi_corpus $(CORPUS_ARGS)

ledger: setup ## write docs/conformance.md from the ledger of requirements
	@$(PYTHON) -m tests.ledger.page

assets: setup ## build the console's stylesheet and scripts (Node from the development requirements)
	@sh scripts/assets.sh

build: setup ## the wheel, to dist/
	@rm -rf dist
	@$(PYTHON) -m build --wheel --no-isolation --outdir dist

deploy-check: setup ## the wheel in an empty environment, the image file, the compose file
	@$(PYTHON) -m pytest tests/deploy $(PYTEST_ARGS)

bench: setup ## CPU per call beside raw ASGI and the peers, to var/bench/; BENCH_ARGS=--short
	@$(PYTHON) -m tests.bench $(BENCH_ARGS)

perf-gate: setup ## CPU per call against the merge base, fails above +10 %; GATE_ARGS='--report' or a commit
	@$(PYTHON) -m tests.bench.gate $(GATE_ARGS)

chaos: setup ## kill, hang and starve a running platform, and account for every call; CHAOS_ARGS=--short or '--only kill'
	@$(PYTHON) -m tests.chaos $(CHAOS_ARGS)

lock: setup ## resolve the requirements again and pin them by hash
	@sh scripts/lock.sh

.PHONY: help setup run check test system ledger e2e conformance fuzz assets build deploy-check bench perf-gate chaos corpus lock
