# Every target sets up what it needs. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# One thread a process: learners run side by side, and torch collapses when threads outnumber cores.
export OMP_NUM_THREADS ?= 1

# A GPU machine may have no package registry: its own Python, and a market file brought along.
GPU_PYTHON ?= $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))
MARKET ?= bench-market.npz
STEPS ?= 2000000
PRECISION ?= tf32
JOBS ?= 1
WORKERS ?= logical

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage check learn truth bench bench-gpu chaos serve app clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMP)  ## create .venv with the pinned packages

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Ploutos needs Python 3.11 or newer; name one: make setup PYTHON=python3.11"; exit 3; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the pinned packages into $(VENV) (a few minutes, about 3 GB)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@echo "compiling what is compiled, so that nobody waits for it later (half a minute)"
	-@$(BIN)/ploutos bench env --assets 2 --num-envs 4 --seconds 0.1 > /dev/null
	-@$(BIN)/ploutos features check --cuts 1 > /dev/null 2>&1
	@touch $@

demo: setup  ## run the whole line once on the simulated market (BARS=file for your own bars)
	@$(BIN)/ploutos demo $(if $(BARS),--bars $(BARS))

test: setup  ## run the tests, one process a core (WORKERS=2 for fewer: each takes 2 GB)
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --hypothesis-profile=ci --durations=25 --durations-min=5

# The second pass measures the kernels, which numba runs compiled in the first. It leaves out one
# window that counts in unsigned integers, which numpy wraps and numba widens.
coverage: setup  ## run the tests, tell lines and branches they reach; 90 % of lines at least
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --hypothesis-profile=ci --cov --cov-report=
	@NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest --hypothesis-profile=ci --cov --cov-append \
		--cov-report= -k "not percentile" tests/envs/test_rules.py tests/envs/test_kernel_oracle.py \
		tests/features/formulas/test_rolling.py
	@$(BIN)/coverage report
	@$(BIN)/coverage json --quiet -o - | $(BIN)/python tests/coverage_floor.py 90

check: setup  ## lint, format, types and dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/deptry .

bench: setup  ## measure the environment and the features on this machine
	@$(BIN)/ploutos bench env --assets 22 --num-envs 1024
	@$(BIN)/ploutos bench features

bench-gpu: $(MARKET)  ## train v7_sp500_sectors on this machine's device (MARKET=file STEPS=2000000)
	@$(GPU_PYTHON) -m train.bench.gpu --market $(MARKET) --steps $(STEPS) --precision $(PRECISION)

$(MARKET):
	@$(GPU_PYTHON) -m train.bench.gpu --make-market $@ >&2

learn: setup  ## check that the learners learn, half an hour (BARS=file adds real bars); resumable
	@$(BIN)/python -m train.controls.learning_check $(if $(BARS),--bars $(BARS))

truth: setup  ## how often the gate is wrong, half an hour on an idle core; resumable (JOBS=2)
	@$(BIN)/python -m train.controls.truth --jobs $(JOBS) --out docs/truth.json

chaos: setup  ## kill workers, nodes, drivers and the head of running sweeps; fill disks
	@$(BIN)/python -m pytest -m "chaos or not chaos" tests/chaos
	@$(BIN)/python -m pytest -m chaos tests

serve: setup  ## serve the newest bundle on http://127.0.0.1:8700
	@$(BIN)/ploutos serve up

app: setup  ## open the app on http://127.0.0.1:8501
	@$(BIN)/ploutos app open

clean:  ## remove .venv and caches; keeps .ploutos, your data and results
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
