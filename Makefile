# make run   sets up, runs everything on sample feeds, says where the results are
# make test  sets up, checks the code, runs the tests but the longer ones: eight minutes
# make test ALL=1  runs every test, random ones with more examples; CI does
# make bench  measures runs on a million checks and ten thousand tickets, other ways to the same
#   figures, and small hard feeds
# Needs only Python 3.11+, make and a package index; uv is used if it is installed.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header --no-annotate --no-strip-extras
SAMPLE := build/sample
# the sample has fixed dates: the same feeds and the same instant give the same figures every day
AS_OF := 2026-08-15T00:00:00Z

export DO_NOT_TRACK := 1

.PHONY: run test bench check setup setup-dev setup-cluster lock clean

run: setup
	@test -d $(SAMPLE)/landing || $(BIN)/makegood sample --out $(SAMPLE)/landing
	@$(BIN)/makegood run --landing $(SAMPLE)/landing --warehouse $(SAMPLE)/warehouse --as-of $(AS_OF)

# three workers for two cores: tests wait for servers, browsers and other processes;
# files in order, since long ones have few tests
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

test: setup-dev check
ifdef ALL
	@$(PYTEST) -n 3 --hypothesis-profile ci -m "not cluster"
	@$(PYTEST) -n 2 --hypothesis-profile ci -m cluster
else
	@$(PYTEST) -n 3 -m "not long"
endif

# the linter needs two minutes of processor time for all of it: files that it has passed are passed
# again until they change; what it reads them with is new for all
# (dbt's own tags in tests/generic are unknown to the linter)
SQL := $(shell find dbt_project/models dbt_project/tests expectations/marts -name '*.sql' \
  -not -path '*/generic/*')
SQL_LINTED := .venv/sql.stamp

$(SQL_LINTED): $(SQL) $(wildcard dbt_project/macros/*.sql) pyproject.toml requirements-dev.lock
	@$(BIN)/sqlfluff lint --processes 2 --nocolor --disable-progress-bar \
	  $(if $(filter-out $(SQL),$?),$(SQL),$?)
	@touch $@

check: setup-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(MAKE) -s $(SQL_LINTED)

# SIZE: checks, several too, as in `make bench SIZE="1000000 100000000"`
SIZE ?= 1000000
BENCH := build/bench

# up to a million checks, medians of three turns
bench: setup
	@$(BIN)/python -m benchmarks.scale checks $(SIZE) --repeat 3 --out $(BENCH)
	@$(BIN)/python -m benchmarks.scale tickets 10000 --repeat 3 --out $(BENCH)
	@$(BIN)/python -m benchmarks.scale shapes --out $(BENCH)
	@echo "tables and plots are in $(BENCH)"

setup: .venv/core.stamp
setup-dev: .venv/dev.stamp
# Spark and PostgreSQL too: half a gigabyte
setup-cluster: .venv/cluster.stamp

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "makegood needs Python 3.11 or newer, not " + sys.version + \
	  " (example: make PYTHON=python3.12 run)")'
	@$(PYTHON) -m venv .venv

# byte-code is compiled now, so that no command pays for it
define install
	@echo "installing $(1)"
	@if command -v uv >/dev/null; then \
	  uv pip install -q --python $(BIN)/python --require-hashes --compile-bytecode -r $(1); \
	else $(PIP) --require-hashes -r $(1); fi
	@# setuptools warns that folders of the root may be imported; the linter bans that
	@PYTHONWARNINGS=ignore $(PIP) --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q dashboards expectations ingestion orchestration
	@touch $@
endef

.venv/core.stamp: requirements.lock pyproject.toml setup.py | .venv/bin/python
	$(call install,requirements.lock)

.venv/dev.stamp: requirements-dev.lock .venv/core.stamp
	$(call install,requirements-dev.lock)
	@mkdir -p .venv/import && ln -sfn $(CURDIR) .venv/import/makegood

.venv/cluster.stamp: requirements-cluster.lock .venv/dev.stamp
	$(call install,requirements-cluster.lock)

# pins the newest versions; the locks name no index, so that any mirror can be used
lock:
	$(COMPILE) -o requirements.lock
	$(COMPILE) -o requirements-dev.lock --extra connect --extra dev -c requirements.lock
	$(COMPILE) -o requirements-cluster.lock --extra spark --extra postgres --extra connect \
	  -c requirements-dev.lock

clean:
	rm -rf .venv build
