# binance-streamset. `make` alone lists the targets; each makes the environment it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo run-local test kube generate bench lint format type-check contracts security pipeline pins clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## Make the environment in .venv from the hashed pins

# The pins change rarely and installing takes a while, so the environment is made anew only when they do.
$(VENV)/.ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.13 ..."; exit 1; }
	@echo "Making the environment in $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## Watch simulated market data go through the relay into NATS; Ctrl-C stops it
	@$(BIN)/streamset demo $(ARGS)

run-local: setup ## Run the relay with the settings of the environment and .env
	@$(BIN)/streamset relay $(ARGS)

test: setup kube ## Run all tests, with a coverage report
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered --format=total | sed 's/^/coverage: /; s/$$/ % of lines and branches (details: $(subst /,\/,$(BIN))\/coverage report)/'

# Tests that need it are left out, loudly, where it can neither be found nor built.
kube: ## Build the Kubernetes API server that tests use, from pinned Go modules, into a cache (once, about 10 minutes)
	@if command -v go >/dev/null; then hack/kube/build.sh; \
		else echo "No Go here: tests against a Kubernetes API server need it, or KUBEBUILDER_ASSETS"; fi

generate: setup ## Write the CRD and its reference anew from the models
	@$(BIN)/python hack/generate.py

bench: setup ## Measure the relay against the straightforward client, in one run
	@$(BIN)/python -m benchmarks $(ARGS)

lint: setup ## Check style and find likely bugs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .

format: setup ## Rewrite the code in the project's format
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

type-check: setup ## Check the types
	@$(BIN)/mypy

contracts: setup ## Check who imports whom
	@$(BIN)/lint-imports

security: setup ## Scan the code (bandit's rules, in ruff), and the pins for known vulnerabilities
	@$(BIN)/ruff check --select S .
	@$(BIN)/python hack/audit_pins.py requirements/dev.txt

pipeline: lint type-check contracts security test ## All checks, in CI's order

pins: setup ## Write requirements/*.txt anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--extra dev pyproject.toml --output-file requirements/dev.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--extra relay pyproject.toml --output-file requirements/relay.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--extra operator pyproject.toml --output-file requirements/operator.txt

clean: ## Remove the environment and what the tools left
	@rm -rf $(VENV) .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
