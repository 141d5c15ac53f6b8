# make quickstart   real data, eleven arms, three seeds, a report with error bars
# make test         the tests        make check   ruff and mypy        make bench   every benchmark
#
# TORCH is what pip is asked for. A build of your own:
#   make quickstart TORCH='torch==2.13.0 --index-url URL-OF-A-CPU-OR-CUDA-INDEX'     or     TORCH=/path/to/torch.whl
PYTHON ?= python3
TORCH ?= torch==2.13.0
BIN := .venv/bin

.PHONY: quickstart test test-slow check bench docs clean

quickstart: .venv/installed
	$(BIN)/assay run quickstart --out runs/quickstart

test: .venv/installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: .venv/installed-dev
	$(BIN)/python -m pytest -m slow $(if $(SLOW_SECONDS),--seconds $(SLOW_SECONDS))

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/installed-dev
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

docs: .venv/installed-dev
	$(BIN)/python -m pip install --quiet -e '.[docs]' && $(BIN)/mkdocs build --strict

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/installed: pyproject.toml tools/download_size.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Assay needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 …" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	@$(BIN)/python tools/download_size.py $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
