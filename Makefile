PYTHON ?= python3.11
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := s3,sandbox,examples

.PHONY: help setup constraints
.DEFAULT_GOAL := help

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

setup: $(VENV)/.ready  ## Make .venv with all that development needs, at pinned versions

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[$(EXTRAS)]' --group dev
	@touch $@

constraints: ## Resolve constraints.txt anew (all extras, newest versions)
	$(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --all-extras --group dev --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --output-file constraints.txt pyproject.toml
