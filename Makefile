# Everything runs in .venv, which is made from the lock file when that file or pyproject.toml changes.

PORT ?= 8080
# The first Python that really runs (a pyenv shim may not) and can make an environment.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $$python && break; done)

BIN := .venv/bin
INSTALLED := .venv/.installed
SPARK_BIN := .venv-spark/bin
SPARK_INSTALLED := .venv-spark/.installed
OTHERS := data/benchmarks/venv/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run airflow test test-all test-spark lint benchmark quality-benchmark docs pages rules-page checks-page lock

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

run: $(INSTALLED) ## Run a synthetic lender's last three months, from landing zone to submission files
	@$(BIN)/reporting demo

airflow: $(INSTALLED) ## Start the scheduler and its web pages on http://localhost:8080 (PORT=...), with a login
	@umask 077 && mkdir -p "$$AIRFLOW_HOME" && chmod 700 "$$AIRFLOW_HOME/.." "$$AIRFLOW_HOME" && \
		{ test -s "$$PASSWORDS" || { $(BIN)/python -c "$$NEW_PASSWORDS" >"$$PASSWORDS.partial" && mv "$$PASSWORDS.partial" "$$PASSWORDS"; }; } && \
		chmod 600 "$$PASSWORDS"
	@echo "Airflow is starting: http://localhost:$(PORT) (Ctrl+C stops it)"
	@echo "Users: builder and approver; only you can read their passwords: $$PASSWORDS"
	@$(BIN)/airflow db migrate
	@trap exit INT TERM; trap "$$STOP" EXIT; \
		set -m; for part in api-server dag-processor "triggerer -s"; do $(BIN)/airflow $$part & done; \
		until { : </dev/tcp/127.0.0.1/$(PORT); } 2>/dev/null; do sleep 1; kill -0 %1 2>/dev/null || break; done; \
		kill -0 %1 2>/dev/null && { $(BIN)/airflow scheduler -s & wait -n; }; \
		echo "A part of Airflow has ended (see above): the others are stopped" >&2; exit 1

# The parts of `airflow standalone`, but without log servers (-s), which would listen on every
# address: the web pages read the log files themselves. Job control gives each part a process group
# of its own: the scheduler hangs when Ctrl+C reaches its workers as well. The scheduler (%4)
# starts when the web server answers: a task that was due, such as a release, would fail without it.
# For the same reason it ends first, with the task that runs; a second Ctrl+C reaches that task.
# The other parts are told each second, since they may lose a signal that comes while they start a
# process, and killed when ten times have not helped: the triggerer may wait for a child for ever.
airflow: export STOP = { trap "kill %4" INT TERM; \
	kill $$(jobs -p %4) && echo "Airflow stops when the task that runs has ended; Ctrl+C again ends it now" >&3; \
	while kill -0 $$(jobs -p %4); do wait %4; done; \
	for second in {1..10}; do kill $$(jobs -p) || break; sleep 1; done; \
	for part in $$(jobs -p); do kill -KILL -- -$$part; done; wait; } 3>&2 2>/dev/null
airflow: SHELL := /bin/bash

# Only this machine may connect, by the names that plugins/trusted_hosts.py lets through. A builder
# may work with runs and connections; an approver may answer and read (plugins/least_rights.py); no
# administrator is needed. Approvers are named (REPORTING_APPROVERS), since a builder may answer,
# too, and who clears a task of a scheduled run is not recorded as one who built it.
airflow: export AIRFLOW__CORE__AUTH_MANAGER = least_rights.LeastRights
airflow: export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS = builder:op,approver:user
airflow: export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS = False
airflow: export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE = $(PASSWORDS)
airflow: export AIRFLOW__CORE__PLUGINS_FOLDER = $(CURDIR)/plugins
airflow: export AIRFLOW__API__HOST = 127.0.0.1
airflow: export PASSWORDS = $(AIRFLOW_HOME)/passwords.json
airflow: export NEW_PASSWORDS = import json, secrets; \
	print(json.dumps({user: secrets.token_urlsafe(15) for user in ("builder", "approver")}))

# One task at a time: one database is written.
airflow: export PATH := $(CURDIR)/$(BIN):$(PATH)
airflow: export REPORTING_HOME ?= $(CURDIR)/data
airflow: export REPORTING_APPROVERS ?= approver
airflow: export REPORTING_LANDING ?= $(CURDIR)/data/landing
airflow: export REPORTING_PAGES_URL ?= http://localhost:$(PORT)/reporting
airflow: export AIRFLOW_HOME = $(if $(filter /%,$(firstword $(REPORTING_HOME))),,$(CURDIR)/)$(REPORTING_HOME)/airflow/server
airflow: export AIRFLOW__API__PORT = $(PORT)
airflow: export AIRFLOW__API__BASE_URL = http://localhost:$(PORT)
airflow: export AIRFLOW__API__WORKERS = 1
airflow: export AIRFLOW__CORE__DAGS_FOLDER = $(CURDIR)/dags
airflow: export AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION = False
airflow: export AIRFLOW__CORE__EXECUTION_API_SERVER_URL = http://127.0.0.1:$(PORT)/execution/
airflow: export AIRFLOW__CORE__LOAD_EXAMPLES = False
airflow: export AIRFLOW__CORE__PARALLELISM = 1
airflow: export AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS = 0o700
airflow: export AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS = 0o600

test: $(INSTALLED) ## Run the tests that CI runs
	@$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

test-all: $(INSTALLED) ## Run every test, also the long ones
	@REPORTING_THREADS=2 $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder -m "nightly or not nightly"

test-spark: $(SPARK_INSTALLED) ## Compare the same book on DuckDB and on Spark row by row (needs Java 17)
	@$(SPARK_BIN)/pytest tests/spark -s

lint: $(INSTALLED) ## Check style, types, imports and SQL
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/sqruff lint --parsing-errors dbt_project/models

benchmark: $(INSTALLED) $(OTHERS) $(SPARK_INSTALLED) ## Measure program, floor and peers (half a day, 70 GB of disk, Java 17): docs/benchmarks.md
	@$(BIN)/python benchmarks/run.py

quality-benchmark: $(INSTALLED) ## Plant every class of defects, count what is found (40 minutes): docs/data_quality.md
	@$(BIN)/python benchmarks/quality.py

docs: $(INSTALLED) ## Build all pages: the months, the trend, the reference, and dbt's documentation
	@$(BIN)/reporting docs

pages: docs ## The same as docs

rules-page: $(INSTALLED) ## Renew docs/bureau_rules.md from expectations/bureau_rules.yml
	@$(BIN)/python -m reporting.records.rules

checks-page: $(INSTALLED) ## Renew docs/checks.md from expectations/
	@$(BIN)/python -m reporting.cli.reference_docs

lock: export UV_CUSTOM_COMPILE_COMMAND = make lock
lock: COMPILE = uv pip compile --quiet --universal --python-version 3.11 --extra dev --extra postgres --extra s3 pyproject.toml
lock: ## Renew the lock files from pyproject.toml (needs uv)
	@$(COMPILE) --upgrade -o requirements.txt
	@$(COMPILE) --extra spark --constraint requirements.txt -o requirements-spark.txt

# Each environment is made from its own lock file; Spark's holds everything else too.
$(INSTALLED): requirements.txt pyproject.toml
$(SPARK_INSTALLED): requirements-spark.txt pyproject.toml
%/.installed:
	@$*/bin/python -m pip --version >/dev/null 2>&1 || { test -n "$(PYTHON)" && $(PYTHON) -m venv --clear $*; } \
		|| { echo "no Python 3.11, 3.12 or 3.13 that can make an environment: install one or name it, make PYTHON=..." >&2; exit 2; }
	@echo "Installing the pinned packages into $* ..."
	@$*/bin/python -m pip install --quiet --disable-pip-version-check pip==26.3  # Python 3.11 brings one of half the speed
	@$*/bin/python -m pip install --quiet --no-compile -r $<
	@$*/bin/python -m compileall -qq -j 0 $*/lib || true  # all cores; some packages hold templates of code
	@$*/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Polars, pandas, lxml and pandera, beside which the program is measured.
$(OTHERS): benchmarks/requirements.txt $(INSTALLED)
	@$(BIN)/python -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
