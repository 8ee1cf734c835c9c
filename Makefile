# What people and CI call. Everything runs in .venv, which is made from requirements.lock.
PYTHON ?= $(firstword $(shell command -v python3.11) python3)
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true
export SCARF_ANALYTICS := false

.DEFAULT_GOAL := help
.PHONY: help setup run test lint format up down bench lock clean

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) ## make .venv from requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 is needed: install it, or say where it is: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test "$$($(BIN)/uv --version 2>/dev/null | cut -d' ' -f2)" = "$(UV_VERSION)" || $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	@echo "installing from requirements.lock"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

run: setup ## the whole workflow on the simulated company (LOCAL=1: without Airflow)
	@$(BIN)/roundtrip demo $(if $(LOCAL),--local)

test: setup ## all tests, kind by kind
	@$(BIN)/python -m tests.run

lint: setup ## ruff and sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint --disable-progress-bar dbt_project sources

format: setup ## mend what ruff and sqlfluff can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/sqlfluff fix --disable-progress-bar dbt_project sources

up: setup ## start Airflow, MLflow and the reports on loopback
	@$(BIN)/roundtrip up

down: setup ## stop exactly what `make up` started
	@$(BIN)/roundtrip down

bench: setup ## measurements, as ratios within one run
	@$(BIN)/python -m benchmarks

lock: setup ## resolve requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --upgrade --group dev --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml -o requirements.lock

clean: ## remove the virtual environment (not the data)
	rm -rf $(VENV) build *.egg-info
