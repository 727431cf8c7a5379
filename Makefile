# make app      start Pneumo; the first time, create .venv and install requirements.txt
# make test     run every check: format, lint, types, tests
# make audit    a bill of materials, licences and known vulnerabilities of what is installed: audit/
# make lock     write requirements.lock, every package with its hashes
# make format   format the code as `make test` expects it
#
# PYTHON names the Python for .venv: `make app PYTHON=python3.12`.
# WORKERS is how many tests run at once, one more than there are cores unless given: some wait for
# a browser while others compute.
# Streamlit's own variables work too: `STREAMLIT_SERVER_PORT=8600 make app`.

PYTHON ?= python3
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
VENV := .venv
RUN := $(VENV)/bin/python -m
# Streamlit needs a home folder; services and containers may run as a user without one.
export HOME ?= $(CURDIR)/.pneumo
PIP := $(RUN) pip install --disable-pip-version-check

.PHONY: app test format audit lock
.DELETE_ON_ERROR:

app: $(VENV)/.app-installed
	$(RUN) streamlit run app.py

test: $(VENV)/.test-installed
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

format: $(VENV)/.test-installed
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

# Tools of their own environment: they are not part of what they look at.
TOOLS := $(VENV)-audit
audit: $(VENV)/.app-installed $(TOOLS)/.installed
	mkdir -p audit
	$(TOOLS)/bin/cyclonedx-py environment $(VENV) --output-file audit/sbom.cdx.json
	$(TOOLS)/bin/pip-licenses --python $(VENV)/bin/python --format=csv --output-file audit/licences.csv
	@echo "audit/sbom.cdx.json and audit/licences.csv are written."
	$(RUN) tools.audit $(TOOLS)/bin/pip-audit requirements.lock audit/vulnerabilities.json

lock: $(TOOLS)/.installed
	$(TOOLS)/bin/uv pip compile requirements.txt --universal --python-version 3.11 \
	  --generate-hashes --custom-compile-command "make lock" --output-file requirements.lock

$(TOOLS)/.installed: requirements-audit.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --disable-pip-version-check -r requirements-audit.txt
	@touch $@

# A stamp file newer than the requirements means that they are installed.
$(VENV)/.app-installed: requirements.txt | $(VENV)/bin/python
	@echo "Installing what Pneumo needs into $(VENV): some minutes and about 3 GB the first time."
	$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.test-installed: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	@echo "Installing what Pneumo and its tests need into $(VENV): some minutes the first time."
	$(PIP) -r requirements-dev.txt
	@touch $@ $(VENV)/.app-installed

# TensorFlow supports certain Python versions only: say so before pip fails with a long message.
$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Expected Python 3.11, 3.12 or 3.13 as $(PYTHON); there is no such command." \
	    "Install it, or name it: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "Expected Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	    "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Expected Python's venv module; $(PYTHON) has none." \
	    "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
