# The front door. Every target sets up its own .venv; nothing needs to be installed by hand.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
FAULT ?=
ARGS ?=
INPUTS ?= 200000
SEED ?= 1
ONLY ?=
CORE := $(addprefix tests/,core sealing log primitives spec audit trust)
SECONDS ?= 1800
POINTS ?= 100000
# Two, whatever the machine has: the suite starts processes of its own.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test coverage attacks fuzz soak bench bench-quick check generate lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

demo: .venv/ready ## the main job on real processes; FAULT=lost-ack plants a fault and must fail
	@$(BIN)/python examples/demo.py $(if $(FAULT),--fault $(FAULT))

test: .venv/ready ## all tests; ARGS="-k name" for some
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

coverage: .venv/ready ## every branch of the trust core is taken by its own tests, or this fails
	$(BIN)/coverage run --data-file=.coverage -m pytest -q $(CORE)
	$(BIN)/coverage report --data-file=.coverage

attacks: .venv/ready ## take out each defence in turn: its test must fail
	$(BIN)/python -m tests.attacks

bench: .venv-bench/ready ## measure beside floors and peers, which it installs; about 40 minutes; ARGS="sealing" for a part
	.venv-bench/bin/python -m bench --install $(ARGS)

bench-quick: .venv-bench/ready ## sealing and relay in two minutes
	.venv-bench/bin/python -m bench --install --quick $(ARGS)

fuzz: .venv/ready ## every parser under atheris and hypothesis; INPUTS=200000 SEED=1 ONLY="wire note"
	$(BIN)/python -m tests.fuzz --inputs $(INPUTS) --seed $(SEED) $(if $(ONLY),--only $(ONLY))

soak: .venv/ready ## delivery for longer: model, histories, liars, disks, kills, a fifth of SECONDS=1800 each; POINTS=kills at most, SEED=of them
	$(BIN)/python tools/check_model.py --seconds $$(($(SECONDS) / 5))
	$(BIN)/python -m tests.delivery --seconds $$(($(SECONDS) / 5))
	$(BIN)/python -m tests.simulation --seeds 1000000 --seconds $$(($(SECONDS) / 5)) \
		--from $(if $(filter-out file,$(origin SEED)),$(SEED),$$RANDOM)
	$(BIN)/python -m tests.storage --seconds $$(($(SECONDS) / 5))
	$(BIN)/python -m tests.e2e.killing --points $(POINTS) --seconds $$(($(SECONDS) / 5)) \
		$(if $(filter-out file,$(origin SEED)),--seed $(SEED))

check: .venv/ready ## format, lint, types, import contracts, protos, generated code, spec examples, model
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy mce_exchange relay/mce_relay tests tools examples bench
	$(BIN)/lint-imports --no-cache
	$(BIN)/buf lint
	$(PYTHON) tools/generate --check
	$(BIN)/python tools/spec_example.py --check
	$(BIN)/python -m tools.verifier --check
	$(BIN)/python -m tests.attacks --check
	$(BIN)/python tools/check_model.py

generate: ## write the protobuf code again, in an environment of the generator's own
	$(PYTHON) tools/generate

lock: ## resolve requirements.txt again (needs uv)
	tools/lock

clean: ## remove what make made
	rm -rf .venv .venv-bench .venv-generate build dist

.venv/ready .venv-bench/ready: requirements.txt pyproject.toml relay/pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		-e . -e relay
	@touch $@
