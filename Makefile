# make train: set everything up and run the main job. make test: set up and run the whole test suite.
# make results: README's tables of learners from scratch, over an hour. make test-slow: what CI cannot afford.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2 # tests at once

.PHONY: train test test-slow results benchmark clean

train: .venv/ready
	$(BIN)/python -m experiments.train

test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile

test-slow: .venv/ready
	$(BIN)/python -m pytest -m slow

results: .venv/ready
	$(BIN)/python -m experiments.compare experiment=leaderboard
	$(BIN)/python -m experiments.compare experiment=order_book
	$(BIN)/python -m experiments.compare experiment=ablations
	$(BIN)/python -m experiments.compare experiment=robust_market_making

benchmark: .venv/ready
	$(BIN)/python -m experiments.benchmark

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'mm_env needs Python 3.11 or newer')"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf .venv outputs multirun
