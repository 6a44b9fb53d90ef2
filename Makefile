# make train: set everything up and run the main job. make test: set up and run the whole test suite.
# make quick: lint, types, and what is tested in plain Python, in less than a minute. make test-slow: what CI cannot afford.
# make test-lowest: the suite with the lowest versions that pyproject.toml allows, in an environment of its own.
# make verify: every published and exact value that the project holds itself to, beside ours; a non-zero exit code if one is off.
# make docs: the documentation site, in build/site.
# make benchmark-check: speeds as ratios within one run beside the stored ones; a non-zero exit code if one has lost too much.
# make spelling: common mistakes in words.
# make results: the tables of learners in docs/results.md from scratch, over an hour.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2# tests at once
FILES ?= 40# files of tests a process: what numba compiles stays in memory

.PHONY: train quick test test-slow test-lowest docs verify results benchmark benchmark-check spelling clean

train: .venv/ready
	$(BIN)/python -m experiments.train

quick: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright & types=$$!; $(BIN)/python -m pytest tests/mm_env -m quick --interpreted && wait $$types

test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/python -m pytest tests/golden -m "not slow" -n $(WORKERS)
	find tests -name 'test_*.py' -not -path 'tests/golden/*' | sort | xargs -n $(FILES) \
		$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile

test-slow: .venv/ready
	$(BIN)/python -m pytest -m slow

test-lowest:
	$(PYTHON) .ci/check_python.py
	$(PYTHON) -m venv .venv-lowest
	$(PYTHON) .ci/lowest.py > .venv-lowest/lowest.txt
	.venv-lowest/bin/python -m pip install --quiet --constraint .venv-lowest/lowest.txt --editable ".[dev]"
	.venv-lowest/bin/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile

docs: .venv/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

verify: .venv/ready
	$(BIN)/python -m experiments.verify

results: .venv/ready
	$(BIN)/python -m experiments.compare experiment=leaderboard
	$(BIN)/python -m experiments.compare experiment=order_book
	$(BIN)/python -m experiments.compare experiment=ablations
	$(BIN)/python -m experiments.compare experiment=robust_market_making
	$(BIN)/python -m experiments.compare experiment=hedging
	$(BIN)/python -m experiments.compare experiment=twenty_bonds

benchmark: .venv/ready
	$(BIN)/python -m experiments.benchmark

benchmark-check: .venv/ready
	$(BIN)/python -m experiments.benchmark_check

spelling: .venv/ready
	$(BIN)/python -m codespell_lib

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) .ci/check_python.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf .venv .venv-lowest build outputs multirun
