PYTHON ?= python3.11
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
EXTRAS := s3,gcs,azure,sandbox,examples
ALL_EXTRAS := s3,gcs,azure,ogr,sandbox,examples
# The SDK pins conflicting versions, so it has a separate environment and communicates over HTTP only.
SDK_VENV := .venv-max-ard
SDK_REQUIREMENTS := tests/conformance/requirements.txt
COMPATIBILITY_VENV := .venv-compatibility
COMPATIBILITY_REQUIREMENTS := tests/compatibility/requirements.txt tests/compatibility/schemas.txt
PEERS_VENV := .venv-peers
PEERS_REQUIREMENTS := benchmarks/peers/requirements.txt
BENCH_VENV := .venv-bench
BENCH_REQUIREMENTS := benchmarks/waiting/requirements.txt
CLUSTER_VENV := .venv-cluster
CLUSTER_REQUIREMENTS := tests/cluster/requirements
# JavaScript libraries and country borders of the page in Airflow's UI; they are part of the wheel.
UI_PACKAGES := leaflet@1.9.4 topojson-client@3.1.0 world-atlas@2.0.2
UI_VENDOR := airflow_provider_ard/plugins/orders_page/static/vendor
# Installs Debian packages unless a command exists: COMMAND, what needs it, packages.
REQUIRE := scripts/require_command.sh
# Constraints files of managed services, not part of the repository; the matrix skips those that are missing.
export ARD_CONSTRAINTS ?= $(wildcard $(CURDIR)/../shared/constraints)
# Tests start many Airflow processes. Without compiled files, each would compile Airflow again, which takes most of CI's time.
unexport PYTHONDONTWRITEBYTECODE

CODE := airflow_provider_ard benchmarks dags_examples demo hatch_build.py scripts tests

# More processes than processors, as tests wait most of their time. Each file runs in one process. The longest start first, so that no processor is idle at the end.
BY_FILE := --dist loadfile --no-loadscope-reorder
longest_first = $(2:%=$(1)/test_%.py) $(filter-out $(2:%=$(1)/test_%.py),$(wildcard $(1)/test_*.py))

.PHONY: help setup language dist matrix matrix-short matrix-constraints wheel wheel-full licenses audit release-check api-snapshot typing check format test unit integration conformance compatibility bench bench-plot bench-request bench-peers bench-aoi bench-tiles bench-triggerer chaos chaos-short demo constraints ui browser bench-page screenshots clean
.DEFAULT_GOAL := help

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

setup: $(VENV)/.ready  ## Create .venv with all development dependencies, at pinned versions

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(REQUIRE) ensurepip "the virtual environment $(VENV)" $(notdir $(PYTHON))-venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[$(EXTRAS)]' --group dev
	@touch $@

# Release tools, each run in a separate environment that uv caches.
TOOL := $(UV) tool run --quiet
TWINE := twine@6.2.0
CHECK_WHEEL := check-wheel-contents@0.6.3
PIP_LICENSES := 5.5.0
PIP_AUDIT := pip-audit@2.9.0
CHECK_SCHEMA := check-jsonschema@0.39.0
PYRIGHT := pyright@1.1.409
PYPGSTAC := pypgstac[psycopg]==0.10.0

$(SDK_VENV)/.ready: $(VENV)/.ready $(SDK_REQUIREMENTS)
	$(UV) venv --quiet --clear --python $(BIN)/python $(SDK_VENV)
	$(UV) pip install --quiet --python $(SDK_VENV)/bin/python -r $(SDK_REQUIREMENTS)
	@touch $@

# The schemas are in source distributions: pip downloads these, and builds nothing but their metadata.
$(COMPATIBILITY_VENV)/.ready: $(VENV)/.ready $(COMPATIBILITY_REQUIREMENTS)
	$(UV) venv --quiet --clear --python $(BIN)/python $(COMPATIBILITY_VENV)
	$(UV) pip install --quiet --python $(COMPATIBILITY_VENV)/bin/python -r tests/compatibility/requirements.txt
	$(BIN)/pip download --quiet --disable-pip-version-check --no-deps --dest $(COMPATIBILITY_VENV)/schemas -r tests/compatibility/schemas.txt
	@touch $@

$(PEERS_VENV)/.ready: $(VENV)/.ready $(PEERS_REQUIREMENTS)
	$(UV) venv --quiet --clear --python $(BIN)/python $(PEERS_VENV)
	$(UV) pip install --quiet --python $(PEERS_VENV)/bin/python -r $(PEERS_REQUIREMENTS) -e .
	@touch $@

$(BENCH_VENV)/.ready: $(VENV)/.ready $(BENCH_REQUIREMENTS)
	$(UV) venv --quiet --clear --python $(BIN)/python $(BENCH_VENV)
	$(UV) pip install --quiet --python $(BENCH_VENV)/bin/python -r $(BENCH_REQUIREMENTS)
	@touch $@

$(CLUSTER_VENV)/.ready: $(VENV)/.ready $(CLUSTER_REQUIREMENTS).txt
	$(UV) venv --quiet --clear --python $(BIN)/python $(CLUSTER_VENV)
	$(UV) pip install --quiet --python $(CLUSTER_VENV)/bin/python -r $(CLUSTER_REQUIREMENTS).txt -e '.[s3,sandbox]'
	@touch $@

# System packages come first in each target: without permission to install them, it fails at once.
.PHONY: chromium node postgis postgresql cluster-hosts

chromium:
	@$(REQUIRE) chromium "the pages of Airflow's UI in a browser" chromium libatomic1
	@PATH="$$PATH:/sbin" ldconfig -p | grep -q libatomic.so.1 || $(REQUIRE) libatomic.so.1 "Node.js of playwright, which drives Chromium" libatomic1

node:
	@$(REQUIRE) node "npm packages: the tests' Azure storage server and the type checker" nodejs npm
	@$(REQUIRE) npm "npm packages: the tests' Azure storage server and the type checker" nodejs npm

postgresql:
	@$(REQUIRE) pg_lsclusters "the benchmark with Airflow's metadata database on PostgreSQL" postgresql

postgis:
	@ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1 || $(REQUIRE) postgis "the recipe for pgstac" postgresql postgresql-15-postgis-3

cluster-hosts:
	@test "$$(id -u)" = 0 || { echo "the cluster test runs as root only: its hosts are network namespaces" >&2; exit 1; }
	@$(REQUIRE) pg_lsclusters "the database of the cluster test" postgresql
	@$(REQUIRE) redis-server "the message broker of the cluster test" redis-server
	@$(REQUIRE) ip "the hosts of the cluster test, which are network namespaces" iproute2
	@$(REQUIRE) nft "cuts between the hosts of the cluster test" nftables
	@$(REQUIRE) faketime "the wrong clock of a worker in the cluster test" faketime

check: setup language  ## Lint, check formatting, types, import layers and language
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

language: setup  ## Check spelling and the project's word list
	$(BIN)/codespell $$(git ls-files)
	$(BIN)/python scripts/check_language.py

format: setup  ## Fix what ruff can fix automatically
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

# The last ones wait most of their time, so two targets run at once.
test: chromium node unit integration  ## All tests
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target conformance chaos-short browser docs-test

unit: setup  ## Tests that mirror the package, against the sandbox over HTTP
	$(BIN)/pytest tests/unit -n 4 --maxschedchunk 2

integration: node setup  ## The example DAG in a real Airflow, in process and standalone
	$(BIN)/pytest -n 3 $(BY_FILE) $(call longest_first,tests/integration,examples_scheduled demo standalone)

bench-triggerer: postgresql setup  ## A thousand deferred sensors on a real triggerer, SQLite and PostgreSQL; about an hour
	$(BIN)/python -m benchmarks.triggerer
	$(UV) pip install --quiet --python $(BIN)/python -c constraints.txt --group postgresql
	$(BIN)/python -m benchmarks.triggerer --database postgresql

browser: chromium setup  ## The page and the Connection form in a real browser (Debian's chromium)
	$(BIN)/pytest tests/browser -n 0

bench-page: chromium setup  ## First paint and data requests of the page with 5,000 orders
	$(BIN)/python -m benchmarks.page

screenshots: chromium setup  ## Regenerate the screenshots with a real Airflow
	$(BIN)/python -m demo.screenshots

chaos-short: setup  ## Short version of `make chaos`: crashes, lost responses, outages, multi-day waits
	$(BIN)/pytest -n 4 $(BY_FILE) $(call longest_first,tests/chaos,watcher damaged_responses)

chaos: setup  ## Crashes, lost responses, outages, multi-day waits, in a real Airflow; half an hour
	ARD_CHAOS=full ARD_MODEL_STEPS=100000 $(BIN)/pytest tests/chaos tests/unit/ordering/test_model.py \
		tests/unit/ordering/test_cumulative_budget_model.py tests/unit/test_assumptions.py tests/integration/test_sandbox_real_catalog.py tests/integration/test_dag_test.py

.PHONY: cluster cluster-short cluster-requirements

CLUSTER := $(CLUSTER_VENV)/bin/python -m

cluster: cluster-hosts $(CLUSTER_VENV)/.ready  ## Airflow on 12 hosts under kills, cuts and restarts, ARD_CLUSTER_SEED; half an hour
	$(CLUSTER) pytest tests/cluster -n 0
	$(CLUSTER) tests.cluster

cluster-short: cluster-hosts $(CLUSTER_VENV)/.ready  ## Short version of `make cluster`, with fewer orders and incidents
	$(CLUSTER) tests.cluster --short

cluster-requirements: setup  ## Resolve tests/cluster/requirements.txt again, with the versions of constraints.txt
	$(UV) pip compile --quiet --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		-c constraints.txt --extra s3 --extra sandbox --group test --output-file $(CLUSTER_REQUIREMENTS).txt \
		pyproject.toml $(CLUSTER_REQUIREMENTS).in

.PHONY: docs docs-serve docs-test pgstac stac-table diagrams

docs: setup  ## Build the documentation into site/; warnings are errors
	@$(UV) pip install --quiet --python $(BIN)/python -c constraints.txt --group docs
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --quiet --strict

docs-serve: docs  ## Serve the documentation at http://127.0.0.1:8000, rebuilt on changes
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs serve

docs-test: node docs  ## The code, links and tables of the README and docs/
	$(BIN)/pytest tests/docs -n 2

pgstac: postgis setup  ## The recipe for pgstac of docs/catalogs.md, on PostgreSQL with PostGIS
	ARD_PYPGSTAC="$(CURDIR)/$(TOOL) --from $(PYPGSTAC) pypgstac" $(BIN)/pytest tests/docs/test_catalogs.py -n 0 -k pgstac

stac-table: setup  ## Compare a delivery of the sandbox with real ones again: docs/sandbox-stac.md
	$(BIN)/python scripts/stac_table

diagrams: setup  ## Draw the diagrams of the documentation and the badges of the README again: docs/images/*.svg
	$(BIN)/python scripts/diagrams

conformance: $(SDK_VENV)/.ready  ## The real SDK, max-ard, against the sandbox
	ARD_SANDBOX_PYTHON=$(CURDIR)/$(BIN)/python $(SDK_VENV)/bin/python -m pytest -c tests/conformance/pytest.ini tests/conformance

compatibility: $(COMPATIBILITY_VENV)/.ready  ## STAC libraries read the sandbox's delivery and the form of real items; updates the table in docs/
	ARD_SANDBOX_PYTHON=$(CURDIR)/$(BIN)/python $(COMPATIBILITY_VENV)/bin/python -m pytest -c tests/compatibility/pytest.ini \
		tests/compatibility --table docs/libraries.md

bench: $(BENCH_VENV)/.ready  ## Cost of waiting and importing compared with other providers: tables, figures, plot; 14 minutes
	$(BIN)/python -m benchmarks.waiting --json benchmarks/waiting/figures.json
	$(BIN)/python -m benchmarks.waiting.docs
	$(BIN)/python -m benchmarks.waiting.one_wait --docs
	$(BIN)/python -m benchmarks.task_overhead --docs
	$(BIN)/python -m benchmarks.imports --docs
	$(BIN)/python -m benchmarks.growth --docs
	$(BENCH_VENV)/bin/python -m benchmarks.waiting.plot
	$(BENCH_VENV)/bin/python -m benchmarks.growth --plot

bench-plot: $(BENCH_VENV)/.ready  ## Regenerate tables and plot of waiting from the last figures
	$(BIN)/python -m benchmarks.waiting.docs
	$(BENCH_VENV)/bin/python -m benchmarks.waiting.plot

bench-request: $(SDK_VENV)/.ready  ## Building an order: this provider compared with max-ard
	$(BIN)/python -m benchmarks.order_request $(SDK_VENV)/bin/python --docs

bench-aoi: setup  ## AOIs of a million vertices and of 20,000 boxes
	$(BIN)/python -m benchmarks.aoi --docs

bench-tiles: $(SDK_VENV)/.ready $(COMPATIBILITY_VENV)/.ready  ## Listing 10,000 delivered tiles beside max-ard and pystac: seconds, memory, XCom bytes
	$(BIN)/python -m benchmarks.tiles --docs

bench-peers: $(PEERS_VENV)/.ready  ## This provider and others under the same faults: orders placed, outages tolerated
	$(BIN)/python -m benchmarks.peers --docs

demo: setup  ## Order, wait, ingest on a real Airflow; KEEP=1 ORDER_DURATION= FOLDER= AIRFLOW_PORT= SANDBOX_PORT= S3_PORT=
	@exec $(BIN)/python -m demo $(if $(filter-out 0,$(KEEP)),--keep) \
		$(if $(ORDER_DURATION),--order-duration $(ORDER_DURATION)) $(if $(FOLDER),--folder $(FOLDER)) \
		$(if $(AIRFLOW_PORT),--airflow-port $(AIRFLOW_PORT)) $(if $(SANDBOX_PORT),--sandbox-port $(SANDBOX_PORT)) \
		$(if $(S3_PORT),--s3-port $(S3_PORT))

constraints: setup  ## Resolve constraints.txt again (all extras, newest versions)
	$(UV) pip compile --quiet --upgrade --python-version 3.11 --all-extras --group dev --group docs --group postgresql --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links -c constraints.in --output-file constraints.txt pyproject.toml

ui: node  ## Download the page's JavaScript libraries and country borders from npm, at the versions pinned here
	npm install --prefix .node/ui --no-save --no-audit --no-fund --ignore-scripts $(UI_PACKAGES)
	cd .node/ui/node_modules && cp leaflet/dist/leaflet.js leaflet/dist/leaflet.css \
		topojson-client/dist/topojson-client.min.js world-atlas/countries-50m.json $(CURDIR)/$(UI_VENDOR)
	for name in leaflet topojson-client world-atlas; do \
		cp .node/ui/node_modules/$$name/LICENSE $(UI_VENDOR)/$$name-LICENSE.txt; done

matrix: node setup  ## The built wheel on Airflow 2.11 to 3.3, with the lowest and newest dependencies and those of MWAA; NAMES="2.11-floor …" selects
	$(BIN)/python -m tests.matrix $(NAMES)

matrix-short: setup  ## Short version of `make matrix`: the oldest and the newest environment, Python 3.11 and 3.13
	$(BIN)/python -m tests.matrix --short

matrix-constraints: setup  ## Resolve tests/matrix/constraints/ again
	$(BIN)/python -m tests.matrix.resolve

typing: node setup  ## Check a user's DAG with mypy and pyright
	$(BIN)/mypy --strict tests/typing/users_dag.py
	$(TOOL) $(PYRIGHT) --pythonpath $(BIN)/python -p tests/typing

dist: setup
	rm -rf dist
	$(UV) build --quiet --out-dir dist .
	$(TOOL) $(TWINE) check --strict dist/*.whl dist/*.tar.gz
	$(TOOL) $(CHECK_WHEEL) dist/*.whl
	@ls -l dist/*.whl dist/*.tar.gz | awk '{print $$5 " bytes\t" $$9}'

wheel: dist  ## Build the wheel and check its contents, dependencies, metadata and public API
	$(BIN)/pytest tests/release -n 2 --dist loadfile

wheel-full: dist  ## As `make wheel`, with each extra also installed individually
	ARD_WHEEL=full $(BIN)/pytest tests/release -n 0

licenses: dist  ## List the licenses of the wheel and all its extras; fail for GPL-only packages
	$(UV) venv --quiet --clear --python $(BIN)/python .venv-licenses
	$(UV) pip install --quiet --python .venv-licenses/bin/python -c constraints.txt "$$(ls dist/*.whl)[$(ALL_EXTRAS)]"
	$(BIN)/python -m tests.release.licenses .venv-licenses/bin/python $(PIP_LICENSES)

audit: setup  ## Check constraints.txt for known vulnerabilities; exit code 2 if no advisory service can be reached
	$(BIN)/python -m tests.release.audit $(PIP_AUDIT)

release-check: setup  ## Fail if CHANGELOG.md does not describe this version, or a file of .github/ is invalid
	$(BIN)/python -m tests.release.check
	$(TOOL) $(CHECK_SCHEMA) --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(TOOL) $(CHECK_SCHEMA) --builtin-schema vendor.dependabot .github/dependabot.yml
	$(TOOL) $(CHECK_SCHEMA) --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(TOOL) $(CHECK_SCHEMA) --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/feature.yml

api-snapshot: setup  ## Update tests/release/public_api.txt after an intended change of the public API
	$(BIN)/python -m tests.release.public_api > tests/release/public_api.txt

clean:  ## Remove the files that the other targets created
	rm -rf $(VENV) $(SDK_VENV) $(COMPATIBILITY_VENV) $(PEERS_VENV) $(BENCH_VENV) $(CLUSTER_VENV) .cluster .demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis .node .venv-peers .venv-licenses .matrix build dist site
