# Needs Python and make; nothing has to be installed or activated first.
#   make up       the whole service with a demo district       make up ARGS="--headless --for 60"
#   make test     all checks and tests                         make test ARGS="-k calendar"
#   make quick    the tests that need no server, in half a minute
#   make install  only .venv, with the hotline command         make install PYTHON=python3.13
# Paths are relative throughout, so that the clone may lie in a folder with spaces in its name.

# Settings of the caller's shell that would make .venv/bin/python or pip use another place.
unexport PYTHONPATH PYTHONHOME PIP_PREFIX PIP_TARGET PIP_USER
export PYTHON
export HERE := $(CURDIR)

BIN := .venv/bin
# Tests run in this many processes; 0 is one process, for a debugger. A third of their time is
# waiting: two processors have work for three. Whoever has done his tests takes some of another's.
WORKERS ?= 3

.PHONY: install up check quick test long coverage bench chaos districts attack operators fuzz docs format lock sbom audit messages pictures reference wheel clean distclean
.DEFAULT_GOAL := install

install: .venv/.installed

# The file contains the path of the clone: a moved or copied clone needs a new environment.
ifneq "$(shell cat .venv/.installed 2>/dev/null)" "$(CURDIR)"
.PHONY: .venv/.installed
endif
.venv/.installed: pyproject.toml requirements.lock
	@if [ -n "$$PYTHON" ]; then set -- "$$PYTHON"; \
	else set -- python3 python3.14 python3.13 python3.12 python3.11 python; fi; \
	old=; bare=; \
	for python in "$$@"; do \
		version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || { \
			old="$${PYTHON:+, and $$PYTHON does not run}"; continue; }; \
		if ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
			old="$${old:-, not $$python ($$version)}"; continue; fi; \
		if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
			bare="$${bare:-$$python $$version}"; continue; fi; \
		found="$$python"; break; \
	done; \
	if [ -z "$$found" ]; then \
		if [ -n "$$bare" ]; then \
			echo "make install: $$bare lacks venv or ensurepip: apt install python$${bare##* }-venv" >&2; \
		else \
			echo "make install: Python 3.11 or newer is needed$$old: apt install python3 python3-venv" >&2; \
		fi; \
		exit 1; \
	fi; \
	if [ "$$(cat .venv/.made 2>/dev/null)" != "$$HERE" ] || ! $(BIN)/python -c '' 2>/dev/null; then \
		echo "Making .venv with $$found $$version"; \
		"$$found" -m venv --clear .venv && echo "$$HERE" > .venv/.made || exit 1; \
	fi
	@rm -f .venv/.installed
	@echo "Installing what requirements.lock names (a minute or two)"
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes \
		--requirement requirements.lock
	@# Compiled by all processors at once; some packages bring templates that are no Python.
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@echo "$$HERE" > .venv/.installed

up: install
	@$(BIN)/hotline up --demo $(ARGS)

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m tests.words

# The base of the pyramid: rules, feeds, parsers, and the store on SQLite, with fewer examples.
QUICK := tests/rules tests/feeds tests/routing tests/fuzz tests/store tests/servers tests/words tests/test_texts.py
quick: install
	HOTLINE_TEST_EXAMPLES=0.3 $(BIN)/pytest -n $(WORKERS) -m "not server and not slow and not long" $(QUICK) $(ARGS)

test: check
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not long" $(ARGS)

# What is marked slow or long and the properties, with larger numbers: ten times as many examples and lives,
# a store of 20,000 open and 400,000 closed tickets. make chaos and make fuzz are longer still.
long: install
	HOTLINE_TEST_EXAMPLES=10 HOTLINE_TEST_LIVES=10000 HOTLINE_TEST_CROWD=20000 \
		$(BIN)/pytest -n $(WORKERS) -m "slow or long or hypothesis" --timeout 3600 $(ARGS)

# Branch coverage of the rules by their own tests; make coverage COVER=. ARGS=tests for everything.
COVER ?= models.rules
coverage: install
	$(BIN)/pytest -n $(WORKERS) -m "not server" --cov=$(COVER) --cov-branch --cov-report=term \
		$(or $(ARGS),tests/rules tests/routing tests/feeds)

# The long chaos suite; CHAOS_SEED=N repeats a run, CHAOS_SECONDS=N sets its length.
chaos: install
	$(BIN)/python -m tests.chaos

# Two districts on the same servers, two hosts each (as root: network namespaces), TLS, and a failover
# of PostgreSQL under load; minutes. make districts ARGS="--seconds 120 --copies 8 --seed 7"
districts: install
	$(BIN)/python -m tests.chaos.districts $(ARGS)

# Attacks a service for ten minutes: database, watched folder, broker, served monitor, and as
# another user of the host (as root). make attack ATTACK_SEED=7 ATTACK_SECONDS=60
attack: install
	$(BIN)/python -m tests.attack

# Two operators at one store of 50,000 open tickets for ten minutes, by keys: no act wrong, none lost.
# make operators ARGS="--seconds 60 --seed 7"
operators: install
	$(BIN)/python -m tests.monitor.two_operators $(ARGS)

# docs/performance.md says what is measured. The libraries to compare with are installed first.
bench: install
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation \
		--constraint constraints.txt --editable '.[bench]'
	@$(BIN)/hotline bench $(ARGS)

format: install
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# requirements.lock for all supported releases of Python and all processors at once, with hashes, and
# constraints.txt from it without them: pip takes no hashes together with --editable.
# make lock keeps the releases that are locked; make lock ARGS=--upgrade takes newer ones.
lock: install
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation \
		--constraint constraints.txt --editable '.[lock]'
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal \
		--python-version 3.11 --generate-hashes --extra dev --no-emit-index-url \
		--no-emit-find-links --output-file requirements.lock $(ARGS) pyproject.toml
	(echo "# Made by make lock from requirements.lock: the same releases without their hashes."; \
		sed -n 's/^\([a-z0-9][^ ]*==[^\]*[^ \]\) *\\*$$/\1/p' requirements.lock) > constraints.txt

# Writes the bill of materials (CycloneDX) of everything that requirements.lock names, with hashes.
sbom: .venv/.audit
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application \
		--output-reproducible --of JSON --output-file dist/hotline.cdx.json requirements.lock

# Fails where a locked release has a known vulnerability, and where the database of advisories (PyPI's,
# or OSV: make audit ARGS="--vulnerability-service osv") does not answer for all of them.
audit: .venv/.audit
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock $(ARGS)

.venv/.audit: .venv/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation \
		--constraint constraints.txt --editable '.[audit]'
	@touch $@

# Extracts the texts from the code into the catalogues (edit the .po, then run it again).
messages: install
	@mkdir -p models/locale
	$(BIN)/pybabel --quiet extract --mapping-file pyproject.toml --keyword lazy --sort-by-file \
		--no-wrap --add-location file --project hotline --copyright-holder "the hotline authors" \
		--output-file models/locale/hotline.pot models workers monitor scripts
	$(BIN)/pybabel --quiet update --domain hotline --locale zh --init-missing \
		--input-file models/locale/hotline.pot --output-dir models/locale --no-wrap \
		--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel compile --domain hotline --directory models/locale --statistics
	@rm -f models/locale/hotline.pot

# Fuzzes every parser for ten minutes, guided by coverage; failing inputs are kept in .fuzz.
# make fuzz FUZZ_SECONDS=60 ARGS='"feed of a table"'
FUZZ_SECONDS ?= 600
fuzz: install
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation \
		--constraint constraints.txt --editable '.[fuzz]'
	$(BIN)/python -m tests.fuzz $(FUZZ_SECONDS) $(ARGS)

# Builds the manuals as a site in site/, without the network, to be read and searched from its files;
# its pictures need no fonts. make docs ARGS=serve serves them.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs $(or $(ARGS),build --strict)
	$(if $(ARGS),,$(BIN)/python -m tests.manuals.pictures site)

# Writes the manual's pages about messages and settings, which are made of the code.
reference: install
	$(BIN)/python -m tests.manuals.reference $(ARGS)

# Draws the README's pictures: the screens from the fixed scene of the monitor's tests, the answers of
# the laboratory from a demo that is played for them, in two minutes.
pictures: install
	$(BIN)/python -m tests.monitor.screenshots docs
	$(BIN)/python -m tests.laboratory.pictures docs

wheel: install
	$(BIN)/hatchling build --target wheel --directory dist

clean:
	rm -rf dist site .coverage .fuzz .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -f snapshot_report.html
	find models workers monitor scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv
