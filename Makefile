# Each target makes the virtual environment it needs; PYTHON names the interpreter to make it with.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint format bench conformance check-readme clean

demo: .venv/demo.stamp
	$(BIN)/onnxinv demo

test: .venv/test.stamp
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile

lint: .venv/lint.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

format: .venv/lint.stamp
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: .venv/test.stamp
	$(BIN)/python tools/benchmark.py

conformance: .venv/test.stamp
	$(BIN)/python tools/conformance.py

check-readme: .venv/test.stamp
	$(BIN)/python -m pytest -q tests/test_readme.py

clean:
	rm -rf .venv build dist onnxinv-demo .*_cache

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo.stamp: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --editable .
	touch $@

.venv/test.stamp: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --editable '.[fast,frame,plot,test]'
	touch $@ .venv/demo.stamp

.venv/lint.stamp: pyproject.toml | .venv/test.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group lint
	touch $@
