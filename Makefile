# Deskbell: "make help" lists what there is. Go and Node.js have to be present; "make test" installs
# the rest of what the tests need on Debian and Ubuntu.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/deskbell/deskbell/cmd/internal/app.Version=$(VERSION)
PROGRAMS := $(notdir $(wildcard cmd/deskbell*))
ARGS ?=
FUZZTIME ?= 30s

UI := web/ui
UI_BUILT := $(UI)/dist/index.html
UI_MODULES := $(UI)/node_modules/.package-lock.json
UI_SOURCES := $(shell find $(UI)/src $(UI)/public $(UI)/scripts $(UI)/index.html $(UI)/*.ts $(UI)/*.js $(UI)/*.json -type f 2>/dev/null)

.PHONY: help build run dev test bench soak fuzz lint docker ui programs install clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ui programs ## build the screen and bin/deskbell, bin/deskbell-demo, bin/deskbell-load

programs:
	@for program in $(PROGRAMS); do \
		echo "building bin/$$program"; \
		CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o "bin/$$program" "./cmd/$$program"; \
	done

run: build ## start the demo: a made-up company whose customers keep writing (data in data/demo)
	exec bin/deskbell-demo $(ARGS)

dev: ui ## the demo and the screen, both rebuilt as their sources change
	.ci/dev $(ARGS)

test: ## install what is missing and run everything
	.ci/test

bench: build ## measure a server on fresh data against its pass marks: make bench ARGS="--conversations 20000 --runs 3"
	exec bin/deskbell-load $(ARGS)

soak: build ## the long tests: many kills, long load
	DESKBELL_KILLS=$${DESKBELL_KILLS:-50} DESKBELL_MAILS=$${DESKBELL_MAILS:-100000} go test -count=1 -timeout 4h -run 'Kill|Soak' -v ./...

fuzz: ## every fuzz target for FUZZTIME (30s)
	FUZZTIME=$(FUZZTIME) .ci/fuzz

lint: $(if $(wildcard $(UI)/package.json),$(UI_MODULES)) ## check form: gofmt, vet, staticcheck, eslint, prettier, svelte-check
	.ci/lint

docker: ## build the image deskbell:VERSION
	docker build --build-arg VERSION=$(VERSION) -t deskbell:$(VERSION) -t deskbell:latest .

install: ## install what the tests need and is missing
	.ci/install

clean: ## remove what a build made
	rm -rf bin $(UI)/node_modules
	find $(UI)/dist -mindepth 1 ! -name .gitkeep -delete

# Without Node.js, or before there is a screen, the programs carry a page that says so.
ifeq ($(and $(wildcard $(UI)/package.json),$(shell command -v npm)),)
ui:
	@echo "building without the screen: Node.js with npm is needed for it"
else
ui: $(UI_BUILT) ## build the screen into web/ui/dist
endif

# npm writes this file last, so it tells that the modules are complete.
$(UI_MODULES): $(UI)/package-lock.json $(UI)/package.json
	cd $(UI) && npm ci --ignore-scripts
	@touch $@

$(UI_BUILT): $(UI_MODULES) $(UI_SOURCES)
	cd $(UI) && npm run build
	@touch $@
