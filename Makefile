# sparsebook: `make report` runs every paper and builds the report, `make test` tests the library.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
GPU := $(shell test -e /proc/driver/nvidia/version -o -e /dev/nvidiactl && echo yes)
PINS := $(if $(GPU),,-c constraints/cpu.txt)
RUN := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python
SLOW ?=
.PHONY: help report test test-slow paper lab export check full bench record clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

$(READY): pyproject.toml constraints/cpu.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sparsebook needs python >= 3.11, this is " + sys.version.split()[0] + "; say which with make PYTHON=python3.12 ...")'
	@echo "making $(VENV)$(if $(GPU),, (CPU build of torch: no NVIDIA driver here))"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PINS) -e '.[dev]'
	@touch $@

report: $(READY) ## every paper in `quick` on all cores, then reports/html/index.html
	@$(RUN) tools/papers.py --profile quick

test: $(READY) ## the generated tests, the contract tests, the fast fault tests
	@$(RUN) -m pytest -n 2 tests

test-slow: $(READY) ## the same with the slow ones
	@$(RUN) -m pytest -n 2 --slow tests

paper: $(READY) ## one paper and its page: make paper PAPER=sr_ste [SET="epochs=2"]
	@test -n "$(PAPER)" || { echo 'which paper? make paper PAPER=sr_ste'; exit 2; }
	@$(RUN) tools/papers.py --papers "$(PAPER)" --set "$(SET)"

full: $(READY) ## one paper in `full`, recorded under reports/recorded (GPU): make full PAPER=sr_ste
	@test -n "$(PAPER)" || { echo 'which paper? make full PAPER=sr_ste'; exit 2; }
	@$(RUN) tools/papers.py --papers "$(PAPER)" --profile full --no-site && $(RUN) tools/record.py "$(PAPER)"

record: $(READY) ## copy a paper's last results to reports/recorded and renew the README's table
	@$(RUN) tools/record.py $(PAPER)

lab: $(READY) ## JupyterLab in this folder
	@$(BIN)/jupyter lab

export: $(READY) ## notebooks -> shared_lib, kernels, tests/generated, dependency lists, README table
	@$(BIN)/nbdev-export && cd nbs/kernels && ../../$(BIN)/nbdev-export
	@$(RUN) tools/testgen.py && $(RUN) tools/deps.py && $(RUN) tools/readme.py

check: $(READY) ## what is generated is up to date, notebooks are clean, lint: nothing may differ
	@$(RUN) tools/check.py

bench: $(READY) ## race the kernels and solvers against their peers (kernels: on a GPU)
	@$(RUN) tools/bench_solvers.py
	@$(RUN) tools/bench_kernels.py

clean: ## remove what the pipelines made (not .venv)
	rm -rf out results reports/html reports/_build
