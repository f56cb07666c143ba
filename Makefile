# Every target that people call has a help line after two #; `make` alone prints them.

PYTHON ?= python3
# Extra words for `cordee demo` and `cordee story`, for instance DEMO="--port 8080".
DEMO ?=
STORY ?=
# … and for `make simulate`, where all of it takes hours.
SIMULATE ?= --seeds 50
# … and for `make mutation`: which groups (tests/mutation/score.py), or a sample of one.
MUTATION ?= sealing escaping access retention
# Four workers on two cores: half of the time tests wait, as people and platforms make them. Not
# more on a big machine: each starts its own PostgreSQL and its own browser.
PYTEST ?= -n 4 --dist worksteal --durations=15

BIN := .venv/bin
RUN := .venv/.cordee-run
DEV := .venv/.cordee-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The warning that it hides says only that the install is editable.
EDITABLE := PYTHONWARNINGS=ignore $(PIP) install --no-deps --no-build-isolation --editable .
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras --allow-unsafe

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo story test check lock bench bench-matching screenshot format clean
.PHONY: security sbom audit
.PHONY: chats crashpoints chaos load storm simulate outage shuffle soak retention fuzz injection registre erasure bombs authorisation forged mutation

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: $(RUN) ## the bot with both platforms beside it on a local page: no token, no network
	$(BIN)/cordee demo $(DEMO)

story: $(RUN) ## one story in the terminal, six months in seconds; exit code 0 when all went well
	$(BIN)/cordee story $(STORY)

test: check ## everything that CI runs: check, tests with their coverage, story
	@echo "== pytest"
	@rm -rf .coverage
	$(BIN)/python -m pytest -p tests.counted -p no:slipcover $(PYTEST)
	@echo "== coverage: at least 90 % of the lines and of the branches of bot, scheduling and storage"
	@$(BIN)/python -m tests.branches
	@echo "== story"
	$(BIN)/cordee story $(STORY)
	@echo "make test: all passed"

check: $(DEV) ## the quick half of `make test`: format, lint, types, imports, bandit
	@echo "== ruff format"
	@$(BIN)/ruff format --check .
	@echo "== ruff check"
	@$(BIN)/ruff check .
	@echo "== mypy"
	@$(BIN)/mypy
	@echo "== import-linter"
	@$(BIN)/lint-imports --no-cache
	@$(MAKE) --no-print-directory security

security: $(DEV) ## bandit: nothing of medium severity or above without its reason on the line
	@echo "== bandit"
	@$(BIN)/bandit --quiet --recursive --severity-level medium bot handlers scheduling storage

sbom: $(DEV) ## the bill of materials (CycloneDX) of each lock file, into dist/
	$(BIN)/python -m tests.sbom dist

audit: $(DEV) ## known weaknesses of what is locked (needs the network); what was skipped is a fault
	$(BIN)/python -m tests.audit

lock: $(BIN)/pip-compile ## write the lock files anew from pyproject.toml (UPGRADE=--upgrade takes new versions)
	$(COMPILE) $(UPGRADE) --build-deps-for editable --output-file requirements.txt pyproject.toml
	$(COMPILE) $(UPGRADE) --build-deps-for editable --constraint requirements.txt \
		--extra postgres --extra sens --extra graphiques --extra dev \
		--output-file requirements-dev.txt pyproject.toml
	$(COMPILE) --build-deps-for editable --constraint requirements-dev.txt \
		--extra postgres --output-file requirements-postgres.txt pyproject.toml
	$(COMPILE) --build-deps-for editable --constraint requirements-dev.txt \
		--extra postgres --extra sens --output-file requirements-sens.txt pyproject.toml
	$(COMPILE) --build-deps-for editable --constraint requirements-dev.txt \
		--extra postgres --extra graphiques --output-file requirements-graphiques.txt pyproject.toml

bench: $(DEV) ## measure: import, proposals, start, order of needs, an update against a bare handler
	$(BIN)/python -m tests.bench

bench-matching: $(DEV) ## measure: how well and how fast experts are found, beside SQLite FTS5
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.bench_matching

simulate: $(DEV) ## half-years of 50 pairs with every fault, in virtual time (SIMULATE="--seeds 1000")
	$(BIN)/python -m tests.simulation.simulate $(SIMULATE)

outage: $(DEV) ## an hour of 5xx and ten minutes of 429 from each platform, under load
	$(BIN)/python -m tests.simulation.outage

shuffle: $(DEV) ## 20,000 updates, each delivered four times and shuffled: the same in the end
	$(BIN)/python -m tests.simulation.shuffle

chats: $(DEV) ## every conversation on PostgreSQL too (a third of them are in `make test`)
	CORDEE_EVERY_CHAT=1 $(BIN)/python -m pytest -n 2 tests/test_chats_on_postgres.py

injection: $(DEV) ## 500 texts in every field of everybody: nothing shown is acted on (an hour)
	$(BIN)/python -m tests.injection.shown

fuzz: $(DEV) ## 100,000 updates of every shape: none fails, everybody who writes is answered
	$(BIN)/python -m tests.fuzz.updates
	$(BIN)/python -m tests.fuzz.ports

authorisation: $(DEV) ## everybody tries every way in on everything: who sees and changes what
	$(BIN)/python -m tests.authorisation.matrix

forged: $(DEV) ## ten thousand forged and replayed requests
	$(BIN)/python -m tests.authorisation.forged

mutation: $(DEV) ## plant faults one by one: how many the tests notice (MUTATION="access"; an hour)
	$(BIN)/python -m tests.mutation.score $(MUTATION)

retention: $(DEV) ## two years of nights: nothing stays past its period, and nothing goes before
	$(BIN)/python -m tests.simulation.retention

soak: $(DEV) ## two years, 190 pairs, 10,000 laureates: what is sent is what the calendar says
	$(BIN)/python -m tests.simulation.soak

crashpoints: $(DEV) ## die at every commit and every send of one life: the same end (20 minutes)
	$(BIN)/python -m tests.chaos.crashpoints

chaos: $(DEV) ## kill -9 under load, SQLite and three replicas on PostgreSQL; cut connections (an hour)
	$(BIN)/python -m tests.chaos.kills
	$(BIN)/python -m tests.chaos.cuts

load: $(DEV) ## fifty updates a second and a burst; recovery; a thousand that waited (10 minutes)
	$(BIN)/python -m tests.chaos.load

storm: $(DEV) ## a quarterly prompt to 18,000 people at the platform's pace (12 minutes)
	$(BIN)/python -m tests.chaos.storm

bombs: $(DEV) ## files made to fill the memory, a gigabyte each: refused, at most 200 MiB more
	$(BIN)/python -m tests.bombs

screenshot: $(DEV) ## take the picture of the demo page that the README shows (needs Chromium)
	$(BIN)/python -m tests.screenshot

erasure: $(DEV) ## erase somebody and search every byte of files, backups and logs (a minute)
	$(BIN)/python -m tests.erasure

registre: $(DEV) ## write docs/registre.md anew: what is kept about people, from the schema itself
	$(BIN)/cordee registre --presets > docs/registre.md

format: $(DEV) ## put the code into its one form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove the virtual environment and what the tools left behind, never a database
	rm -rf .venv .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
		.ruff_cache build dist *.egg-info
	find bot handlers scheduling storage tests -name __pycache__ -prune -exec rm -rf {} +

# --- the virtual environment -----------------------------------------------------------------
# The stamps make a second call quick; a changed lock or pyproject.toml makes them old.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Cordée needs Python 3.11 or later: make PYTHON=/path/to/python3 …" >&2; exit 1; }
	$(PYTHON) -m venv .venv

$(RUN): requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing into .venv …"
	@$(PIP) install --require-hashes --requirement requirements.txt
	@$(EDITABLE)
	@touch $@

$(DEV): requirements-dev.txt requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing the development tools into .venv …"
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
	@$(EDITABLE)
	@touch $(RUN) $@

# Not $(DEV): after a new dependency the old lock would not install what pyproject.toml says.
$(BIN)/pip-compile: | $(BIN)/python
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
