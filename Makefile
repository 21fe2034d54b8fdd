# Each target makes the virtual environment it needs; PYTHON names the interpreter to make it with.
PYTHON ?= python3
BIN := .venv/bin

# What trains the networks of the paper's experiments; TORCH=torch takes the build that the package index has.
TORCH ?= torch==2.13.0+cpu
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TRAINING := .venv-reproduce/bin
SEED ?= 0
GIVEN = $(if $(MNIST),--mnist $(MNIST)) $(if $(CIFAR10),--cifar10 $(CIFAR10))

LOWEST := .venv-lowest/bin

.PHONY: demo test lowest lint audit format bench conformance fuzz reproduce reproduce-full check-readme clean

demo: .venv/demo.stamp
	$(BIN)/onnxinv demo

test: .venv/test.stamp
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile

# With the oldest releases that pyproject.toml admits, and the oldest Python: make lowest PYTHON=python3.11
lowest: .venv-lowest/stamp
	$(LOWEST)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile

lint: .venv/lint.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

# Strict, so that a package of which nothing is told fails, too.
audit: .venv/audit.stamp
	$(BIN)/python -m pip freeze --exclude-editable | $(BIN)/pip-audit --strict --no-deps --disable-pip --requirement /dev/stdin

format: .venv/lint.stamp
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: .venv/test.stamp
	$(BIN)/python tools/benchmark.py

conformance: .venv/test.stamp
	$(BIN)/python tools/conformance.py

fuzz: .venv/test.stamp
	$(BIN)/python -m tools.fuzz

reproduce: .venv-reproduce/stamp
	$(TRAINING)/python -m tools.reproduce --first-seed $(SEED) $(GIVEN)

reproduce-full: .venv-reproduce/stamp
	$(TRAINING)/python -m tools.reproduce --first-seed $(SEED) --full $(GIVEN)

check-readme: .venv/test.stamp
	$(BIN)/python -m pytest -q tests/test_readme.py

clean:
	rm -rf .venv .venv-lowest .venv-reproduce build dist onnxinv-demo .*_cache

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo.stamp: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --editable .
	touch $@

.venv/test.stamp: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --editable '.[dask,fast,frame,plot,test]'
	touch $@ .venv/demo.stamp

.venv/lint.stamp: pyproject.toml | .venv/test.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group lint
	touch $@

.venv/audit.stamp: pyproject.toml | .venv/lint.stamp
	$(BIN)/python -m pip install --quiet --group audit
	touch $@

.venv-lowest/stamp: pyproject.toml
	$(PYTHON) -m venv --clear .venv-lowest
	$(LOWEST)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(LOWEST)/python -m pip install --quiet --group lowest
	$(LOWEST)/uv pip install --quiet --python $(LOWEST)/python --resolution lowest-direct --editable '.[dask,fast,frame,plot,test]'
	touch $@

.venv-reproduce/stamp: pyproject.toml
	$(PYTHON) -m venv .venv-reproduce
	$(TRAINING)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(TRAINING)/python -m pip install --quiet --no-compile --extra-index-url $(TORCH_INDEX) '$(TORCH)'
	$(TRAINING)/python -m pip install --quiet --no-compile --editable '.[fast,plot]' --group tools
	touch $@
