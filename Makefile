# Two commands matter to a newcomer: `make demo` runs the main job, `make test` passes the tests.
# Everything is installed into .venv from requirements locked with hashes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate

.PHONY: help demo test lint services environment train-environment lock clean

help:  ## What can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

environment: $(VENV)/.complete  ## .venv with everything but the training libraries

$(BIN)/uv: requirements/uv.txt
	$(PYTHON) -c 'import sys; sys.exit("CardioTwin needs Python 3.11 or newer; this is %d.%d. Try: make PYTHON=python3.11" % sys.version_info[:2]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.complete: $(BIN)/uv requirements/dev.txt pyproject.toml
	$(UV) pip sync --quiet --compile-bytecode --require-hashes requirements/dev.txt
	$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q cds_hooks twin inference deploy/sandbox_ehr
	$(BIN)/cardiotwin prepare
	@touch $@

demo: environment  ## Service, sandbox EHR and PACS stand-in; ONCE=1 ends after the scenario
	$(BIN)/cardiotwin demo $(if $(ONCE),--once,)

test: environment  ## All tests; CARDIOTWIN_REQUIRE_SERVICES=1 refuses to do without the real servers
	$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

lint: environment  ## Format, rules, types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

services: environment  ## HAPI FHIR, Orthanc, Chromium for the full test run (root or sudo)
	deploy/services/install

train-environment: .venv-train/.complete  ## .venv-train: torch, torchvision, timm (5.5 GB)

.venv-train/.complete: $(BIN)/uv requirements/train.txt pyproject.toml
	$(BIN)/uv venv --quiet --allow-existing --python $(PYTHON) .venv-train
	VIRTUAL_ENV=$(CURDIR)/.venv-train $(BIN)/uv pip sync --quiet --require-hashes requirements/train.txt
	VIRTUAL_ENV=$(CURDIR)/.venv-train $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

lock: $(BIN)/uv  ## Compile the locks anew from pyproject.toml
	$(COMPILE) requirements/uv.in -o requirements/uv.txt
	$(COMPILE) pyproject.toml -o requirements/core.txt
	$(COMPILE) -c requirements/core.txt --extra dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt requirements/build.in -o requirements/build.txt
	$(COMPILE) -c requirements/dev.txt --extra train --extra dev pyproject.toml -o requirements/train.txt

clean:  ## Remove the environments and what was built
	rm -rf $(VENV) .venv-train .services .cache
