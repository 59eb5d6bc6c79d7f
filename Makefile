# binance-streamset. `make` alone lists the targets; each makes the environment it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

KUBECTL ?= kubectl
NAMESPACE ?= binance-streamset
OPERATOR := binance-streamset-operator

.DEFAULT_GOAL := help
.PHONY: help setup demo run-local test faults faults-full fuzz soak e2e kube helm generate dist build run-docker kind-up kind-load kind-down deploy k8s-status k8s-logs bench bench-check bench-operator lint format type-check contracts security pipeline pins clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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

test: setup kube helm ## Run all tests, with a coverage report
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered --format=total | sed 's/^/coverage: /; s/$$/ % of lines and branches (details: $(subst /,\/,$(BIN))\/coverage report)/'

# The fault matrix; ARGS go to pytest, such as --seed 7 or -k killed. Each row prints what was received, stored and lost.
faults: setup ## Cause each fault of the fault matrix once, under load (about 8 minutes)
	@$(BIN)/python -m pytest tests/faults -m "row or oracle" $(ARGS)

fuzz: setup ## Half a million mutated frames, rotations under load, and the connect budget under every fault of the exchange (4 minutes)
	@$(BIN)/python -m pytest tests/faults -m "not row and not oracle" $(ARGS)

faults-full: setup ## The same 20 times each, with the table of results in build/faults.md (about 2 hours)
	@$(BIN)/python -m pytest tests/faults -m "row or oracle" --injections 20 --table build/faults.md $(ARGS)

soak: setup ## Half an hour of load with bursts and faults at random; ARGS="--minutes 5 --seed 7" changes it
	@$(BIN)/python -m pytest tests/faults/soak.py -s $(ARGS)

# In the kind cluster CLUSTER; what a machine cannot show is printed as NOT RUN.
e2e: setup kube helm kind-up kind-load ## Run the end-to-end tests on kind: images, chart, operator and relays together
	@$(BIN)/python -m pytest tests/e2e --timeout=400 -rP $(ARGS)

# Tests that need it are left out, loudly, where it can neither be found nor built.
kube: ## Build the Kubernetes API server that tests use, from pinned Go modules, into a cache (once, about 10 minutes)
	@if command -v go >/dev/null; then hack/kube/build.sh; \
		else echo "No Go here: tests against a Kubernetes API server need it, or KUBEBUILDER_ASSETS"; fi

helm: ## Build the Helm that tests and `make dist` use, likewise; Helm 4 in PATH, or named by HELM, is used instead
	@if command -v go >/dev/null || [ -x "$$(hack/helm/build.sh --path)" ]; then hack/helm/build.sh; \
		else echo "No Go here: tests of the chart need it, or Helm 4, in PATH or named by HELM"; fi

generate: setup ## Write anew what is made of the models: the CRD, its copy in the chart, its reference; and the chart's README
	@$(BIN)/python hack/generate.py
	@$(BIN)/python hack/chart_readme.py

dist: setup ## Render the chart into dist/install.yaml, for those without Helm; ARGS are values, as --set
	@$(BIN)/python hack/dist.py $(ARGS)

build: ## Build the images of the operator and of the relay; PYTHON_IMAGE names another base than python:3.13-slim
	@hack/kind/images.sh operator relay

run-docker: build ## Run the relay's image with the settings of the environment and .env
	@hack/kind/run-relay.sh $(ARGS)

# Its kubeconfig is a file of its own, which kind-up prints: the current context stays what it is.
kind-up: ## Make the kind cluster CLUSTER (streamset), from pinned sources where its images cannot be pulled
	@hack/kind/up.sh

kind-load: ## Build the images, those for tests, too, and load them into the kind cluster
	@hack/kind/load.sh

kind-down: ## Delete the kind cluster
	@hack/kind/down.sh

# These three act on the current context of kubectl.
deploy: ## Install the operator into the current cluster, or upgrade it; ARGS go to Helm
	@hack/helm/build.sh
	@echo "Into the cluster of the context $$($(KUBECTL) config current-context) ..."
	@"$$(hack/helm/build.sh --path)" upgrade --install $(OPERATOR) charts/$(OPERATOR) \
		--namespace $(NAMESPACE) --create-namespace --wait $(ARGS)

k8s-status: ## Show the operator in the current cluster, and all sets
	@$(KUBECTL) get deployment,pod --namespace $(NAMESPACE) --selector app.kubernetes.io/name=$(OPERATOR)
	@$(KUBECTL) get binancestreamsets --all-namespaces

k8s-logs: ## Show the operator's log; ARGS go to kubectl, such as --follow
	@$(KUBECTL) logs --namespace $(NAMESPACE) --tail=100 \
		--selector app.kubernetes.io/name=$(OPERATOR),app.kubernetes.io/component=operator $(ARGS)

bench: setup ## Measure the relay against other clients, in one run (half an hour); ARGS=--help tells what can be chosen
	@$(BIN)/python -m benchmarks $(ARGS)

bench-check: setup ## Fail if the relay, compared with others, is slower than it was when recorded (5 minutes)
	@$(BIN)/python -m benchmarks.guard $(ARGS)

bench-operator: setup kube ## Measure the operator with 250, 500 and 1,000 sets on a real API server (20 minutes)
	@$(BIN)/python -m benchmarks.operator $(ARGS)

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
