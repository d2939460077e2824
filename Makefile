# What one does here, in two words each. The work is in scripts/.

.PHONY: help run stop chat agent model test check openapi lint bench poison clean
.DEFAULT_GOAL := help

# Both are read by the scripts, whether they stand before `make` or behind it.
export MODEL DETACH

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

run: ## build and start Deskbridge with a private Prosody (MODEL=local: with a real model; DETACH=1: in the background)
	@scripts/run

stop: ## end what `make run` started
	@scripts/run --stop

chat: ## talk to it in the terminal
	@scripts/chat

agent: ## answer as an agent in the terminal
	@scripts/chat --agent

model: ## fetch a local language model with its server, and two of embeddings, once (1.2 GB)
	@scripts/model fetch

test: ## all tests, on SQLite and PostgreSQL, with Prosody and ejabberd
	@scripts/setup test
	scripts/with-postgres scripts/cargo nextest run --workspace --features bench,otel
	scripts/test-model

check: lint ## format, lints and documentation, as CI asks for them
	@scripts/setup build
	scripts/cargo fmt --all --check
	scripts/cargo clippy --workspace --all-targets --features bench,otel --locked -- -D warnings
	RUSTDOCFLAGS=-Dwarnings scripts/cargo doc --no-deps --workspace --locked

openapi: ## write openapi.json anew, when a route has changed
	@scripts/setup build
	scripts/cargo run --quiet --locked -- openapi >openapi.json.new
	mv openapi.json.new openapi.json

lint: ## who may import whom (ARCHITECTURE.md)
	@scripts/lint-imports

bench: ## measure against the ceiling and the peer
	@scripts/setup bench
	@scripts/bench

poison: ## measure what one hostile customer costs the others
	@scripts/setup bench
	@scripts/poison

clean: ## remove builds and environments; data/ stays
	rm -rf target .venv .venv-model .venv-bench
