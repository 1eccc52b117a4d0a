# Targets for people; .ci/run calls the same ones.
export CGO_ENABLED ?= 0
GO      ?= go
BIN     := bin/customer360
SOURCES := $(shell find . -name '*.go' -not -path './.customer360/*') go.mod go.sum
FUZZTIME ?= 60s
LINT_VERSION := v2.15.0

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(BIN) ## build, and run the whole line on embedded parts (Ctrl-C ends it; ARGS="--customers 100000" ...)
	@exec ./$(BIN) up $(ARGS)

.PHONY: build
build: $(BIN) ## build bin/customer360

$(BIN): $(SOURCES)
	$(GO) build -trimpath -o $@ ./cmd/customer360

.PHONY: test
test: ## everything that needs only Go
	$(GO) test -timeout 15m ./...
	$(GO) -C deploy/kubernetes test ./...
	$(GO) -C deploy/monitoring test ./...
	$(GO) -C bench/peers test ./...

.PHONY: race
race: ## engine, sinks and what runs beside them, under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -p 1 -timeout 15m ./topology/... ./processors/... ./emitters/...

.PHONY: stories
stories: ## STORIES (10000) random stories of the sources against the model (SEED=n repeats a run)
	STORIES=$${STORIES:-10000} SEED=$(SEED) $(GO) test -count 1 -timeout 30m -run 'Property(Stories|EveryInterleaving|KeptStories|Values)$$' -v ./processors

.PHONY: faults
faults: ## the embedded Couchbase's faults, each for FAULTS (10s) at 1%, 10% and 100%; beside it STORIES (5000) of two sinks
	@STORIES=$${STORIES:-5000} $(GO) test -count 1 -timeout 30m -run 'PropertyNewestFence' -v ./processors/couchbase & stories=$$!; \
	FAULTS=$${FAULTS:-10s} $(GO) test -count 1 -timeout 30m -run 'PropertyFaults|FaultMemory|Failover' -v ./processors/couchbase; faults=$$?; \
	wait $$stories && exit $$faults

.PHONY: chaos
chaos: build ## four real processes under kill -9, SIGSTOP, full disks, network cuts, clock jumps for SECONDS (60), from SEED (1); Linux
	@$(GO) build -trimpath -o bin/customer360-chaos ./bench/cmd/customer360-chaos
	@./bin/customer360-chaos --binary $(BIN) --seconds $(or $(SECONDS),60) --seed $(or $(SEED),1) $(ARGS)

.PHONY: test-stack
test-stack: build ## real MariaDB, Kafka, Connect with Debezium: a series of SQL and faults one by one, SQL as the oracle (SEED=n repeats a run)
	STACK=1 SEED=$(SEED) $(GO) test -count 1 -timeout 20m -v -run 'TestStack$$' ./bench/chaos
	STACK=1 $(GO) test -count 1 -timeout 10m ./bench/secure

.PHONY: chaos-stack
chaos-stack: build ## the same parts and three instances under random faults for SECONDS (60), from SEED (1); Linux
	@$(GO) build -trimpath -o bin/customer360-chaos ./bench/cmd/customer360-chaos
	@./bin/customer360-chaos --stack deploy/stack --binary $(BIN) --seconds $(or $(SECONDS),60) --seed $(or $(SEED),1) $(ARGS)

.PHONY: recovery
recovery: ## recovery of a million keys from Kafka, with its progress and rate
	ENGINE_RECOVERY_KEYS=1000000 $(GO) test ./topology/engine -run 'TestRecovery$$' -v -count=1 -timeout 15m

.PHONY: scale-out
scale-out: build ## two, four, one instances under load on a real Kafka: pauses, and the documents against a calm run's (ARGS="--customers 20000 --standbys 1 ...")
	@$(GO) build -trimpath -o bin/customer360-scaleout ./bench/cmd/customer360-scaleout
	@./bin/customer360-scaleout --binary $(BIN) $(ARGS)

.PHONY: takeover
takeover: ## takeover of half a million keys with a standby copy and without
	ENGINE_TAKEOVER_KEYS=1000000 $(GO) test ./topology/engine -run 'TestTakeoverTimes$$' -v -count=1 -timeout 30m

.PHONY: lint
lint: ## go vet, gofmt and golangci-lint (installed on first use)
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "gofmt: run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION) run ./...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (60s)
	@set -e; for file in $$(grep -rl --include='*_test.go' '^func Fuzz' .); do \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$file); do \
	    echo "$$(dirname $$file) $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$(dirname $$file); \
	  done; done

REVISION = $$(git describe --always --dirty=+dirty --abbrev=40 --exclude='*')

.PHONY: bench-build
bench-build: build
	@$(GO) build -trimpath -o bin/customer360-bench ./bench/cmd/customer360-bench

.PHONY: bench
bench: bench-build ## every part in its short form, on real servers, under 20 minutes: Parquet in bench/results (Java 17, Maven)
	@./bin/customer360-bench all --short --commit "$(REVISION)" $(ARGS)

.PHONY: bench-quick
bench-quick: bench-build ## merge beside raw franz-go in 90 seconds; without Java on a broker in memory (ARGS="--rounds 5 ...")
	@./bin/customer360-bench merge --contenders customer360,customer360-json,raw-txn --records 250000 --keys 25000 --rounds 3 \
	  --broker $(if $(shell command -v java),kafka,kfake) --commit "$(REVISION)" $(ARGS)

.PHONY: bench-full
bench-full: bench-build ## every part in full, for hours, in the background: Parquet and a log in bench/results
	@mkdir -p bench/results
	@nohup ./bin/customer360-bench all --full --commit "$(REVISION)" $(ARGS) >bench/results/full.log 2>&1 </dev/null & \
	  echo "process $$! works; its log is bench/results/full.log; end it by: kill $$!"

.PHONY: bench-go
bench-go: ## Go benchmarks beside the code, with allocations
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-report
bench-report: ## docs/performance.md and its plots, from bench/results/*.parquet
	$(GO) run ./bench/cmd/customer360-bench report --out docs/performance.md --plots docs/performance bench/results/*.parquet

.PHONY: bench-guard
bench-guard: ## what the hot path allocates, against the ceilings in bench/guard/ceilings.txt (ARGS=--lower writes lower ones)
	@$(GO) run ./bench/cmd/customer360-bench guard $(ARGS)

# The database is fetched from vuln.go.dev. Where that cannot be reached, the same reports come as a Go module
# (golang.org/x/vulndb) from the module proxy, and an index of them is made here.
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
VULNDB      := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/customer360-vulndb

.PHONY: vuln
vuln: ## govulncheck: known vulnerabilities in what the code calls
	@if curl -sfo /dev/null --max-time 10 https://vuln.go.dev/index/db.json; then $(GO) run $(GOVULNCHECK) ./...; else \
	  echo "vuln.go.dev cannot be reached: the database comes from the module proxy"; set -e; \
	  reports=$$(cd / && $(GO) mod download -json golang.org/x/vulndb@latest | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'); \
	  rm -rf '$(VULNDB)'; $(GO) run golang.org/x/vulndb/cmd/indexdb@$${reports##*@} -vulns "$$reports/data/osv" -out '$(VULNDB)'; \
	  $(GO) run $(GOVULNCHECK) -db 'file://$(VULNDB)' ./...; fi

# SDKs of other languages, as clients of the embedded node (TestOtherSDKs): what is not installable here is left out.
SDK_CACHE = $(or $(CUSTOMER360_SDK_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/customer360-sdk)

.PHONY: sdk-clients
sdk-clients: ## install Couchbase's Python, Node.js and Java SDKs into a cache folder, for a test
	@mkdir -p '$(SDK_CACHE)'
	@if command -v python3 >/dev/null; then test -d '$(SDK_CACHE)/python/lib' || python3 -m venv '$(SDK_CACHE)/python'; \
	  '$(SDK_CACHE)/python/bin/pip' install --quiet couchbase==4.6.3; else echo "no python3: left out"; fi
	@if command -v npm >/dev/null; then npm install --silent --no-audit --no-fund --prefix '$(SDK_CACHE)/node' couchbase@4.7.1; else echo "no npm: left out"; fi
	@if command -v mvn >/dev/null && command -v java >/dev/null; then mvn -q -B -f internal/local/couchbase/testdata/sdk/pom.xml \
	  dependency:copy-dependencies -DoutputDirectory='$(SDK_CACHE)/java'; else echo "no mvn or no java: left out"; fi

DIST         := $(or $(OUT),dist)
DIST_TARGETS  = linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64
CYCLONEDX    := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

.PHONY: dist
dist: ## static binaries for all platforms in dist/: archives, SHA256SUMS, SBOM (CycloneDX); the same commit gives the same bytes
	rm -rf '$(DIST)' && mkdir -p '$(DIST)'
	$(GO) build -trimpath -buildvcs=false -o '$(DIST)/customer360' ./cmd/customer360
	$(GO) run $(CYCLONEDX) bin -json -std -noserial -notimestamp -version "$$(git describe --tags --always --dirty)" \
	  -output '$(DIST)/customer360.cdx.json' '$(DIST)/customer360' && rm '$(DIST)/customer360'
	$(GO) run ./deploy/dist -out '$(DIST)' -targets '$(or $(TARGETS),$(DIST_TARGETS))'

.PHONY: cross
cross: ## does it compile for every platform that `make dist` builds for?
	@set -e; for target in linux/arm64 darwin/arm64 windows/amd64; do echo "$$target"; \
	  GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build ./...; done

.PHONY: stack-up stack-down stack-status stack-demo
stack-up: build stack-build ## the line on real servers in .stack: MariaDB, Kafka, Debezium, customer360 (deploy/stack/stack.sh, docs/stack.md)
	@deploy/stack/stack.sh up

stack-down: ## stop all that stack-up has started; the data stay
	@deploy/stack/stack.sh down

stack-status: ## each part of the stack: state, address, log
	@deploy/stack/stack.sh status

stack-demo: build stack-build ## stack-up, then an INSERT, an UPDATE, a DELETE by SQL, and how long each takes to show
	@deploy/stack/stack.sh demo

.PHONY: stack-build
stack-build:
	@$(GO) build -trimpath -o bin/customer360-stack ./bench/cmd/customer360-stack

.PHONY: clean
clean: ## remove what was built and the local run's folder
	rm -rf bin dist .customer360
