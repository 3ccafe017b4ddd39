# `make` alone prints help. Every target sets up what it needs: nothing has to be installed first but Python and make.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
# One more than there are processors, since tests wait a good deal, up to four: each worker runs a PostgreSQL and a Redis
# of its own. A worker that is done takes over from one that has long tests left.
TEST_WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((n < 3 ? n + 1 : 4)))
PYTEST := $(BIN)/pytest -n $(TEST_WORKERS) --dist worksteal
SERVICES := gateway relay scheduler email sms whatsapp push inapp webhook chat cleanup campaigns
LOCKS := $(SERVICES) local
LOCK := $(BIN)/uv pip compile pyproject.toml --no-config --quiet --universal --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"


# The first Python that is new enough and able to make a virtual environment; `make PYTHON=… install` names another.
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
MAKE_VENV = for python in $(PYTHONS); do \
	  $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  echo "Making $(VENV) with $$($$python --version)."; \
	  exec $$python -m venv --clear $(VENV); \
	done; \
	echo "Crier needs Python 3.11 or newer, with its module venv; none of these is: $(PYTHONS)." >&2; \
	echo "Install it (Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python)," >&2; \
	echo "or say where it is: make PYTHON=/path/to/python3.12 install" >&2; \
	exit 1

.DEFAULT_GOAL := help
.PHONY: help install demo up down test test-quick lint format types imports check bench bench-quick chaos audit lock settings-doc outcomes-doc clean

help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo

##@ Use it
install: $(INSTALLED) ## set everything up in .venv, from pinned and hashed requirements
demo: $(INSTALLED) ## everything on this machine, through stand-ins for the vendors; tells what became of each message
	$(BIN)/crier demo
up: $(INSTALLED) ## start Crier on this machine, with its own PostgreSQL and Redis
	$(BIN)/crier up
down: $(INSTALLED) ## stop it; the data stays
	$(BIN)/crier down

##@ Work on it
test: $(INSTALLED) ## every test, on real servers; the end says what was skipped and why
	$(PYTEST) $(ARGS)
test-quick: $(INSTALLED) ## what failed last time, or else everything, up to the first failure
	$(PYTEST) --last-failed --exitfirst $(ARGS)
lint: $(INSTALLED) ## ruff: style, likely mistakes, formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
format: $(INSTALLED) ## write what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
types: $(INSTALLED) ## mypy, strictly
	$(BIN)/mypy
imports: $(INSTALLED) ## who may import whom
	$(BIN)/lint-imports
check: lint types imports test ## all of the above: what CI runs
bench: $(INSTALLED) ## side by side with other task queues, on this machine: within 20 minutes
	$(BIN)/python -m bench $(ARGS)
bench-quick: $(INSTALLED) ## the same in small, within 2 minutes
	$(BIN)/python -m bench --quick $(ARGS)
chaos: $(INSTALLED) ## faults on purpose, and what was seen: the matrix of docs/reliability.md, about 15 minutes
	$(BIN)/python -m chaos $(ARGS)

##@ Keep it
lock: $(INSTALLED) ## pin requirements/*.txt anew from pyproject.toml; `make lock ARGS=--upgrade` for newer versions
	$(LOCK) $(ARGS) --extra dev --output-file requirements/dev.txt
	@set -e; for extra in $(LOCKS); do \
	  echo "requirements/$$extra.txt"; \
	  $(LOCK) --extra $$extra --constraints requirements/dev.txt --output-file requirements/$$extra.txt; done
audit: $(INSTALLED) ## known vulnerabilities among the pinned requirements
	$(BIN)/pip-audit --strict --require-hashes --disable-pip $(foreach file,$(wildcard requirements/*.txt),-r $(file))
settings-doc: $(INSTALLED) ## write docs/settings.md from the settings classes
	$(BIN)/python -m crier.settings_page > docs/settings.md.new
	mv docs/settings.md.new docs/settings.md
outcomes-doc: $(INSTALLED) ## write docs/outcomes.md from the providers' tables
	$(BIN)/python -m crier.outcomes_page > docs/outcomes.md.new
	mv docs/outcomes.md.new docs/outcomes.md
clean: ## remove what is generated, .venv included; a local cluster's data in ~/.crier stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements/dev.txt pyproject.toml
	@$(BIN)/python -c '' 2>/dev/null || { $(MAKE_VENV); }
	@echo "Installing into $(VENV): a minute or two the first time."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
