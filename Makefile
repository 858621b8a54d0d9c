# Each target works on a fresh clone: it makes .venv first, from the lock file.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: install demo test test-slow lint docs bench bench-detect bench-leaks bench-review faults audit lock clean

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml $(wildcard store/integrity/*.c)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install
	@$(BIN)/tooltrail demo

test: install
	$(BIN)/pytest -m "not slow" -n 2 --dist loadgroup

test-slow: install
	$(BIN)/pytest -m slow -n 2 --dist loadgroup

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python .ci/secret_scan.py

docs: install
	$(BIN)/python -m console.reference --write

bench: install
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	$(BIN)/python -m bench

# DATA is a folder of recorded agent runs; without one it says so and measures nothing.
DATA ?= recorded-runs

bench-detect: install
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	$(BIN)/python -m bench.detect --data $(DATA)

bench-leaks: install
	$(BIN)/python -m bench.leaks

faults: install
	$(BIN)/python -m bench.faults --full --write docs/faults.md

bench-review: install
	$(BIN)/python -m bench.review

# Known flaws of what the lock file names; asks the network.
audit:
	@test -x .venv-audit/bin/python || $(PYTHON) -m venv .venv-audit
	@.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip-audit
	@$(PYTHON) .ci/audit.py .venv-audit/bin/pip-audit requirements.lock

LOCK := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml

lock:
	$(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet uv
	$(LOCK) --extra dev -o requirements.lock
	$(LOCK) --extra dev --extra bench -c requirements.lock -o requirements-bench.lock

clean:
	rm -rf .venv .venv-audit build dist demo lake *.egg-info
