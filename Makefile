# Everything is done in `.venv`, with `.venv/bin/python`; nothing else of the machine is touched.

# The first Python that is new enough; another one by `make setup PYTHON=python3.13`.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
IN_VENV := .venv/bin/python -m
# One more than processors: tests wait for servers and browsers a third of their time.
WORKERS := $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
# More for pytest or the benchmarks: `make test ARGS="tests/core -k money"`.
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup setup-run run test check bench lock strings

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r name text; do printf '%-14s %s\n' "$$name" "$$text"; done

setup: find-python ## make .venv with all that running, testing and checking needs
	@$(PYTHON) requirements/install.py dev

setup-run: find-python
	@$(PYTHON) requirements/install.py run

run: setup-run ## start the CRM: database, demo if empty, server; prints address and sign-in
	@.venv/bin/crm start

test: setup ## run the whole suite
	@$(IN_VENV) pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal $(ARGS)

check: setup ## style, types, import contracts, templates, strings
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/djlint templates --lint --quiet
	@$(MAKE) --no-print-directory strings

bench: setup ## measure speed against floors, at 10 k, 100 k and 1 M actions
	@$(IN_VENV) tests.bench $(ARGS)

strings: setup ## read all strings to translate out of code and templates into build/crm.pot
	@mkdir -p build
	@.venv/bin/pybabel -q extract -F pyproject.toml -k _l -k lazy_gettext -k lazy_ngettext:1,2 \
		--project "campaign-outreach-crm" --no-wrap -o build/crm.pot .
	@echo "$$(grep -c '^msgid' build/crm.pot) strings in build/crm.pot"

lock: ## renew requirements/*.txt from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 \
		--generate-hashes --no-header --upgrade -q -o requirements/run.txt
	uv pip compile --group test --group check --constraints requirements/run.txt --universal \
		--python-version 3.11 --generate-hashes --no-header --upgrade -q -o requirements/dev.txt
	@! grep -nE '://|--(extra-)?index|--find-links' requirements/*.txt

.PHONY: find-python
find-python:
	@test -n "$(PYTHON)" || { echo "setup: Python 3.11 or newer is needed; $$(python3 --version \
		2>/dev/null || echo none) was found." >&2; exit 1; }
