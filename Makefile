PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-quick lint nights nights-mutants chaos bench bench-diagnosis bench-curves bench-hangs bench-results fleet docs packages clean

demo: $(STAMP)  ## the whole pipeline on this machine, in about a minute
	$(BIN)/overnight demo

test: packages $(STAMP) $(VENV)/.torch $(VENV)/.writers lint  ## everything that CI runs
	$(BIN)/pytest -q -n 2 --dist loadgroup

test-quick: $(STAMP)  ## the tests that need nothing but Python
	$(BIN)/pytest -q -n 2 tests/unit

lint: $(STAMP)  ## style, import contracts, types, oldest Python of the node
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/vermin -q --no-tips --violations -t=3.8- \
	    --backport typing src/overnight/node

N ?= 2000
SEED ?= 0
nights: $(STAMP)  ## N simulated nights from SEED on, with the laws as invariants
	$(BIN)/python -m tests.simulation nights $(N) --seed $(SEED)

MUTANT_NIGHTS ?= 1000
nights-mutants: $(STAMP)  ## each law broken on purpose; the nights must show it
	$(BIN)/python -m tests.simulation mutants $(MUTANT_NIGHTS)

FAULT ?=
chaos: packages $(STAMP) $(VENV)/.torch  ## real trainings on real servers, broken on purpose: [FAULT=name]
	$(BIN)/python -m tests.chaos $(FAULT)

bench: packages $(STAMP)  ## the figures of the README, each against a named peer
	$(BIN)/python -m bench

CORPUS ?=
bench-diagnosis: $(STAMP)  ## how good and how fast the diagnosis is: CORPUS=path [JSON=1]
	$(BIN)/python -m bench.diagnosis $(CORPUS) $(if $(JSON),--json)

CURVES ?=
MADE ?= 200
bench-curves: $(STAMP)  ## how well metric files are read and curves judged: CURVES=folder [JSON=1] [MADE=runs of each made-up family]
	$(BIN)/python -m bench.curves $(CURVES) --made $(MADE) $(if $(JSON),--json)

bench-results: packages $(STAMP) $(VENV)/.writers  ## ingest, comparison, readers and pages, beside TensorBoard, Trackio, MLflow and W&B
	$(BIN)/python -m bench.results

HANG_RUNS ?= 1000
bench-hangs: $(STAMP)  ## false kills and missed hangs over simulated trainings
	$(BIN)/python -m bench.hangs $(HANG_RUNS)

FLEET ?=
fleet: $(STAMP)  ## the queue on made-up labs of 8 to 1,000 GPUs, against FIFO and EASY backfill: FLEET='--servers 1,4,8,32,125'
	$(BIN)/python -m bench.fleet $(FLEET)

docs: $(STAMP)  ## the generated pages of docs/
	$(BIN)/python -m scripts.reference

packages:
	bash scripts/debian-packages.sh

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[test,demo]'
	touch $@

$(VENV)/.torch: $(STAMP)
	$(BIN)/python -m pip install -q --disable-pip-version-check 'torch==2.13.0'
	touch $@

$(VENV)/.writers: $(VENV)/.torch
	$(BIN)/python -m pip install -q --disable-pip-version-check 'torch==2.13.0' -e '.[writers]'
	touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
