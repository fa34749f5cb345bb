PYTHON ?= python3.11
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
EXTRAS := s3,gcs,azure,sandbox,examples
ALL_EXTRAS := s3,gcs,azure,ogr,sandbox,examples
# The SDK pins what we do not; it gets an environment of its own and meets us over HTTP alone.
SDK_VENV := .venv-max-ard
SDK_REQUIREMENTS := tests/conformance/requirements.txt
PEERS_VENV := .venv-peers
PEERS_REQUIREMENTS := benchmarks/peers-requirements.txt
BENCH_VENV := .venv-bench
BENCH_REQUIREMENTS := benchmarks/waiting/requirements.txt
# What the page in Airflow's UI is made with; it comes along in the wheel.
UI_PACKAGES := leaflet@1.9.4 topojson-client@3.1.0 world-atlas@2.0.2
UI_VENDOR := airflow_provider_ard/plugins/orders_page/static/vendor
# A test starts many processes of Airflow. Where the environment forbids compiled files, each would compile all of it anew,
# which is most of the time that CI takes.
unexport PYTHONDONTWRITEBYTECODE

CODE := airflow_provider_ard benchmarks dags_examples demo scripts tests

# A file is one process's; the longest are named first, or the last of them would have a processor idle.
BY_FILE := -n 2 --dist loadfile --no-loadscope-reorder
longest_first = $(2:%=$(1)/test_%.py) $(filter-out $(2:%=$(1)/test_%.py),$(wildcard $(1)/test_*.py))

.PHONY: help setup language dist matrix matrix-short matrix-constraints wheel wheel-full licenses audit release-check api-snapshot typing check format test unit integration conformance bench bench-plot bench-request bench-peers bench-tiles bench-triggerer chaos chaos-short demo constraints ui browser bench-page screenshots clean
.DEFAULT_GOAL := help

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

setup: $(VENV)/.ready  ## Make .venv with all that development needs, at pinned versions

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[$(EXTRAS)]' --group dev
	@touch $@

# Tools of a release, each run in an environment of its own that uv keeps.
TOOL := $(UV) tool run --quiet
TWINE := twine@6.2.0
CHECK_WHEEL := check-wheel-contents@0.6.3
PIP_LICENSES := 5.5.0
PIP_AUDIT := pip-audit@2.9.0
PYRIGHT := pyright@1.1.409

$(SDK_VENV)/.ready: $(VENV)/.ready $(SDK_REQUIREMENTS)
	$(UV) venv --quiet --clear --python $(BIN)/python $(SDK_VENV)
	$(UV) pip install --quiet --python $(SDK_VENV)/bin/python -r $(SDK_REQUIREMENTS)
	@touch $@

$(PEERS_VENV)/.ready: $(VENV)/.ready $(PEERS_REQUIREMENTS)
	$(UV) venv --quiet --clear --python $(BIN)/python $(PEERS_VENV)
	$(UV) pip install --quiet --python $(PEERS_VENV)/bin/python -r $(PEERS_REQUIREMENTS) -e .
	@touch $@

$(BENCH_VENV)/.ready: $(VENV)/.ready $(BENCH_REQUIREMENTS)
	$(UV) venv --quiet --clear --python $(BIN)/python $(BENCH_VENV)
	$(UV) pip install --quiet --python $(BENCH_VENV)/bin/python -r $(BENCH_REQUIREMENTS)
	@touch $@

check: setup language  ## Lint, check formatting, types, import layers and language
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

language: setup  ## Check spelling and the project's word list
	$(BIN)/codespell $$(git ls-files)
	$(BIN)/python scripts/check_language.py

format: setup  ## Mend what ruff can mend
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

test: unit integration conformance chaos-short browser docs-test  ## All tests

unit: setup  ## Tests that mirror the package, against the sandbox over HTTP
	$(BIN)/pytest tests/unit -n 2

integration: setup  ## The example DAG in a real Airflow, in process and standalone
	$(BIN)/pytest $(BY_FILE) $(call longest_first,tests/integration,examples_scheduled demo standalone)

bench-triggerer: setup  ## A thousand deferred sensors on a real triggerer, SQLite and PostgreSQL; about an hour
	$(BIN)/python -m benchmarks.triggerer
	$(UV) pip install --quiet --python $(BIN)/python -c constraints.txt --group postgresql
	test -d /usr/lib/postgresql || apt-get install --yes --quiet postgresql
	$(BIN)/python -m benchmarks.triggerer --database postgresql

browser: setup  ## The page and the Connection's form in a real browser (Debian's chromium)
	$(BIN)/pytest tests/browser -n 0

bench-page: setup  ## First paint and data request of the page with 5,000 orders
	$(BIN)/python -m benchmarks.page

screenshots: setup  ## Take the pictures of the documentation anew from a real Airflow
	$(BIN)/python -m demo.screenshots

chaos-short: setup  ## Crashes, lost answers, outages and days: a short version of each
	$(BIN)/pytest $(BY_FILE) $(call longest_first,tests/chaos,storm watcher)

chaos: setup  ## The same in full; takes half an hour
	ARD_CHAOS=full ARD_MODEL_STEPS=100000 $(BIN)/pytest tests/chaos tests/unit/ordering/test_model.py

.PHONY: docs docs-serve docs-test

docs: setup  ## Build the documentation into site/, without a warning
	@$(UV) pip install --quiet --python $(BIN)/python -c constraints.txt --group docs
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --quiet --strict

docs-serve: docs  ## Show the documentation at http://127.0.0.1:8000, rebuilt when a page changes
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs serve

docs-test: docs  ## The code, links and tables of the README and docs/
	$(BIN)/pytest tests/docs -n 2

conformance: $(SDK_VENV)/.ready  ## The real SDK, max-ard, against the sandbox
	ARD_SANDBOX_PYTHON=$(CURDIR)/$(BIN)/python $(SDK_VENV)/bin/python -m pytest -c tests/conformance/pytest.ini tests/conformance

bench: $(BENCH_VENV)/.ready  ## Waiting and importing, this provider beside its peers: tables, figures, plot; 12 minutes
	$(BIN)/python -m benchmarks.waiting --json benchmarks/waiting/figures.json
	$(BIN)/python -m benchmarks.imports
	$(BENCH_VENV)/bin/python -m benchmarks.waiting.plot

bench-plot: $(BENCH_VENV)/.ready  ## The plot of the last figures anew
	$(BENCH_VENV)/bin/python -m benchmarks.waiting.plot

bench-request: $(SDK_VENV)/.ready  ## Building an order: ours against max-ard, in one run
	$(BIN)/python benchmarks/order_request.py $(SDK_VENV)/bin/python

bench-tiles: setup  ## Listing 10,000 delivered tiles: seconds, memory, bytes of XCom
	$(BIN)/python -m benchmarks.tiles

bench-peers: $(PEERS_VENV)/.ready  ## This provider and its peers under the same faults: orders placed, outages survived
	$(BIN)/python -m benchmarks.peers

demo: setup  ## Order, wait, ingest on a real Airflow; KEEP=1 ORDER_DURATION= FOLDER= AIRFLOW_PORT= SANDBOX_PORT= S3_PORT=
	@exec $(BIN)/python -m demo $(if $(filter-out 0,$(KEEP)),--keep) \
		$(if $(ORDER_DURATION),--order-duration $(ORDER_DURATION)) $(if $(FOLDER),--folder $(FOLDER)) \
		$(if $(AIRFLOW_PORT),--airflow-port $(AIRFLOW_PORT)) $(if $(SANDBOX_PORT),--sandbox-port $(SANDBOX_PORT)) \
		$(if $(S3_PORT),--s3-port $(S3_PORT))

constraints: setup  ## Resolve constraints.txt anew (all extras, newest versions)
	$(UV) pip compile --quiet --upgrade --python-version 3.11 --all-extras --group dev --group docs --group postgresql --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links -c constraints.in --output-file constraints.txt pyproject.toml

ui:  ## Fetch the page's libraries and land anew from npm, at the versions pinned here
	npm install --prefix .node/ui --no-save --no-audit --no-fund --ignore-scripts $(UI_PACKAGES)
	cd .node/ui/node_modules && cp leaflet/dist/leaflet.js leaflet/dist/leaflet.css \
		topojson-client/dist/topojson-client.min.js world-atlas/countries-50m.json $(CURDIR)/$(UI_VENDOR)
	for name in leaflet topojson-client world-atlas; do \
		cp .node/ui/node_modules/$$name/LICENSE $(UI_VENDOR)/$$name-LICENSE.txt; done

matrix: setup  ## The built wheel on Airflow 2.11 to 3.3, with the lowest and the newest versions; NAMES="2.11-floor …" for some
	$(BIN)/python -m tests.matrix $(NAMES)

matrix-short: setup  ## The same at both ends, in short
	$(BIN)/python -m tests.matrix --short

matrix-constraints: setup  ## Resolve tests/matrix/constraints/ anew
	$(BIN)/python -m tests.matrix.resolve

typing: setup  ## A user's DAG as mypy and pyright see it
	$(BIN)/mypy --strict tests/typing/users_dag.py
	$(TOOL) $(PYRIGHT) --pythonpath $(BIN)/python -p tests/typing

dist: setup
	rm -rf dist
	$(UV) build --quiet --out-dir dist .
	$(TOOL) $(TWINE) check --strict dist/*.whl dist/*.tar.gz
	$(TOOL) $(CHECK_WHEEL) dist/*.whl
	@ls -l dist/*.whl dist/*.tar.gz | awk '{print $$5 " bytes\t" $$9}'

wheel: dist  ## Build the wheel and check what is in it, what it asks for and says, and the public API
	$(BIN)/pytest tests/release -n 2 --dist loadfile

wheel-full: dist  ## The same, with each extra installed alone
	ARD_WHEEL=full $(BIN)/pytest tests/release -n 0

licenses: dist  ## The licenses of all that the wheel brings along with every extra; fails for a GPL without an alternative
	$(UV) venv --quiet --clear --python $(BIN)/python .venv-licenses
	$(UV) pip install --quiet --python .venv-licenses/bin/python -c constraints.txt "$$(ls dist/*.whl)[$(ALL_EXTRAS)]"
	$(BIN)/python -m tests.release.licenses .venv-licenses/bin/python $(PIP_LICENSES)

audit: setup  ## Known vulnerabilities in what constraints.txt pins; exit code 2 if the advisory service cannot be reached
	$(BIN)/python -m tests.release.audit $(PIP_AUDIT)

release-check: setup  ## Refuse a release that CHANGELOG.md does not tell of
	$(BIN)/python -m tests.release.check

api-snapshot: setup  ## Write down the public API, after a change that is meant
	$(BIN)/python -m tests.release.public_api > tests/release/public_api.txt

clean:  ## Remove what the other targets made
	rm -rf $(VENV) $(SDK_VENV) $(PEERS_VENV) $(BENCH_VENV) .demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis .node .venv-peers .venv-licenses .matrix build dist site
