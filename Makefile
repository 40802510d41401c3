# `make demo` and `make test` are all a newcomer needs; `make help` names the rest.

VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
PYTEST := $(BIN)/python -m pytest
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Where Python is not found: make PYTHON=/path/to/python3.11
PYTHON ?=

# A checkout that was copied or moved carries a .venv that still points to the old place: make it anew.
ifneq ($(shell cat $(VENV)/.made-for 2>/dev/null),$(CURDIR))
$(VENV)/.made-for: FORCE
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check bench docs soak generate requirements clean FORCE

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

demo: $(VENV)/.demo ## run the examples on an embedded store, ./demo.treering
	@$(BIN)/python examples/demo.py

test: $(VENV)/.test ## run the tests (JOBS=2 at a time)
	@tools/get_packages strace
	@$(BIN)/python tools/servers.py run -- $(PYTEST) -n $(JOBS) --dist loadscope $(PYTEST_ARGS)

check: $(VENV)/.check ## lint, types, floors, doctests, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) -q -p no:randomly --doctest-modules --doctest-glob='*.md' src README.md docs
	@$(MAKE) --no-print-directory docs

docs: $(VENV)/.check ## build the documentation into build/docs
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs

bench: $(VENV)/.bench ## measure against the budgets
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

soak: $(VENV)/.test ## run the tests marked soak with many more examples
	@$(PYTEST) -n $(JOBS) -m soak --hypothesis-profile=soak --timeout=0 $(PYTEST_ARGS)

generate: $(VENV)-generate/.made ## regenerate the committed Protobuf code
	@$(VENV)-generate/bin/python tools/generate.py

requirements: ## compile requirements/*.in to hashed *.txt (needs uv; UV_ARGS=--upgrade)
	@command -v uv >/dev/null || { echo "make requirements needs uv (pip install uv) on the PATH" >&2; exit 1; }
	@requirements/compile.sh $(UV_ARGS)

clean: ## remove what make made, the virtual environments and the demo's store included
	rm -rf .venv .venv-generate build dist demo.treering .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f src/treering/objects/_native*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

NATIVE := $(wildcard native/*.c native/*.h native/*.py)

# One environment, filled as far as the command needs. Each stamp is newer than what it was made from.
$(VENV)/.made-for:
	@tools/make_venv $(VENV) $(PYTHON)
	@printf '%s' '$(CURDIR)' > $@

define install # $(1): the requirements file
@echo "installing requirements/$(1).txt into $(VENV)"
@$(PIP) install --quiet --require-hashes -r requirements/$(1).txt
@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
@$(BIN)/python native/build.py
endef

$(VENV)/.demo: $(VENV)/.made-for requirements/demo.txt pyproject.toml $(NATIVE)
	$(call install,demo)
	@touch $@

$(VENV)/.test: $(VENV)/.made-for requirements/test.txt pyproject.toml $(NATIVE)
	$(call install,test)
	@touch $(VENV)/.demo $@

$(VENV)/.bench: $(VENV)/.made-for requirements/bench.txt pyproject.toml $(NATIVE)
	$(call install,bench)
	@touch $(VENV)/.demo $(VENV)/.test $@

$(VENV)/.check: $(VENV)/.made-for requirements/check.txt pyproject.toml $(NATIVE)
	$(call install,check)
	@touch $(VENV)/.demo $(VENV)/.test $@

$(VENV)-generate/.made: requirements/generate.txt
	@tools/make_venv $(VENV)-generate $(PYTHON)
	@$(VENV)-generate/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r $<
	@touch $@
