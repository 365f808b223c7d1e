# Set-up, run, test, check. Needs Python 3.11 or newer with pip, and make; `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
PYTEST_ARGS ?=
LOCK_ARGS ?=

# Stamps: installing is repeated only when a lock file or pyproject.toml is newer.
RUN_READY := $(VENV)/.ready-to-run
DEV_READY := $(VENV)/.ready-to-test

# The environment's own pip; where Python came without one to copy in, the pip beside it, pointed at the environment.
PIP = $(shell $(VENV)/bin/python -c 'import pip' 2>/dev/null \
	&& echo '$(VENV)/bin/python -m pip' || echo '$(PYTHON) -m pip --python $(VENV)/bin/python')
INSTALL = $(PIP) install --quiet --disable-pip-version-check
INSTALL_PROJECT = $(INSTALL) --no-deps --no-build-isolation --editable .

UV_COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header $(LOCK_ARGS)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test check lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s  %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo '  PYTHON=python3.13 make …   picks the interpreter that $(VENV) is made with'

run: $(RUN_READY) ## serve on 127.0.0.1, port 8000 or PORT, with the store under data/
	@exec env HOST=127.0.0.1 $(VENV)/bin/lead-relay serve

test: $(DEV_READY) ## the suite without what is marked slow, or what PYTEST_ARGS picks ('-m slow -n 0')
	@$(VENV)/bin/pytest -n auto --dist worksteal -m 'not slow' $(PYTEST_ARGS)

check: $(DEV_READY) ## lint, format and types
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy --strict

lock: $(DEV_READY) ## renew the lock files from pyproject.toml; LOCK_ARGS=--upgrade for newer releases
	$(UV_COMPILE) pyproject.toml --output-file requirements.lock
	$(UV_COMPILE) pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove the environment and caches; data/, .env and relay.toml stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .ci/screenshots
	find app tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		version=$$($(PYTHON) --version 2>&1) || version=missing; \
		echo "Lead Relay needs Python 3.11 or newer; $(PYTHON) is $$version."; \
		echo "Name one that is there, for example: PYTHON=python3.13 make $(MAKECMDGOALS)"; \
		exit 1; } >&2
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@if $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null; then \
		$(PYTHON) -m venv --clear $(VENV); \
	elif $(PYTHON) -c 'import venv, pip' 2>/dev/null; then \
		$(PYTHON) -m venv --clear --without-pip $(VENV); \
	else \
		{ echo "$(PYTHON) lacks the module venv, or pip. On Debian and Ubuntu: apt install python3-venv"; exit 1; } >&2; \
	fi || { rm -rf $(VENV); exit 1; }

# flit-core, which builds the project, is pinned among the development requirements: its lines are picked out.
$(RUN_READY): requirements.lock requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	@echo 'Installing what the relay needs (requirements.lock)'
	@sed -n '/^flit-core==/,/[^\\]$$/p' requirements-dev.lock > $(VENV)/build.lock
	@$(INSTALL) --require-hashes --requirement requirements.lock --requirement $(VENV)/build.lock
	@$(INSTALL_PROJECT)
	@touch $@

$(DEV_READY): requirements.lock requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	@echo 'Installing what the relay and its tests need (requirements-dev.lock)'
	@$(INSTALL) --require-hashes --requirement requirements-dev.lock
	@$(INSTALL_PROJECT)
	@touch $(RUN_READY) $@
