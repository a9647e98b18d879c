# SPDX-License-Identifier: MIT
# spoolgate. `make help` lists the targets.
#   make            build/spoolgate and build/tools/notifier/notifier
#   make SAN=1      the same with ASan and UBSan, in build/san
#   make V=1        show the commands

PREFIX  ?= /usr/local
DESTDIR ?=
UNITDIR ?= $(PREFIX)/lib/systemd/system
CC      ?= gcc
SECONDS ?= 20
VERSION := $(shell sed -n 's/^\#define SPOOLGATE_VERSION "\(.*\)"$$/\1/p' src/base/version.h)

comma := ,
BUILD := build$(if $(SAN),/san)
Q     := $(if $(V),,@)
say    = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

PACKAGES := libuv libzstd libpq libcurl libgit2 libfyaml jansson libcrypto libcmark gumbo libmicrohttpd libsystemd $(shell pkg-config --exists msgpack-c 2>/dev/null && echo msgpack-c || echo msgpack)

CFLAGS   ?= -O2 -g
FORTIFY  := $(if $(findstring _FORTIFY_SOURCE,$(CFLAGS) $(CPPFLAGS)),,-D_FORTIFY_SOURCE=2)
HARDEN   := $(if $(SAN),,$(FORTIFY) -fstack-protector-strong)
SANITIZE := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -pthread $(WARN) $(CPPFLAGS) $(CFLAGS) $(HARDEN) $(SANITIZE) -Isrc -I$(BUILD)/gen \
	$(shell pkg-config --cflags $(PACKAGES)) -MMD -MP
ALL_LDFLAGS = -pthread $(SANITIZE) $(LDFLAGS) -Wl,-z,relro,-z,now
LIBS = $(shell pkg-config --libs $(PACKAGES)) -lm

# The notifier is its own program over event and io/http; it needs no schemas.
sources  = $(wildcard src/$(1)/*.c)
EVENT    := $(call sources,event)
PURE     := $(call sources,base) $(EVENT) $(call sources,gate) $(call sources,frame) $(call sources,stream) \
            $(call sources,yaml) $(filter-out $(addprefix src/manifest/,source.c tree.c current.c secret.c),$(call sources,manifest)) \
            $(addprefix src/index/,document.c glob.c select.c) \
            $(addprefix src/embed/,jsonr.c lexical.c limits.c reply.c request.c) \
            $(addprefix src/kb/,held.c keys.c media.c plan.c vector.c) $(wildcard src/kb/split*.c) \
            src/config/config.c src/config/change.c $(addprefix src/spool/,cut.c name.c) src/status/view.c \
            $(addprefix src/daemon/,history.c trail.c) $(addprefix src/web/,host.c metrics.c ready.c receipts.c series.c) \
            $(addprefix src/replay/,copybin.c field.c field_array.c \
            field_binary.c field_interval.c field_number.c field_numeric.c field_time.c held.c jsonb.c match.c mptime.c)
NOTIFIER := $(filter-out src/event/schema.c,$(EVENT)) $(addprefix src/io/,http.c http_attempt.c http_exchange.c)
LIBRARY  := $(wildcard src/*/*.c)
BENCH    := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(filter-out tests/bench/hotpath.c,$(wildcard tests/bench/*.c)))
TESTS    := $(wildcard tests/unit/*/*.c) $(wildcard tests/integration/*.c)
objects   = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
EMBEDDED := $(addprefix $(BUILD)/gen/,db/embedded.o manifests/shipped.o events/schemas.o web/page.o)

.DELETE_ON_ERROR:
.PHONY: all man help demo smoke run up migrate test test-san test-page chaos bench check format fuzz print-pure print-flags print-libs install uninstall clean

all: $(BUILD)/spoolgate $(BUILD)/tools/notifier/notifier $(if $(SAN),,man) ## build both programs and the manual pages

help: ## this list
	@awk -F':.*## ' '/^[a-z][a-z -]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

# ---- programs ----

$(BUILD)/spoolgate: $(call objects,src/main.c $(LIBRARY)) $(EMBEDDED)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tools/notifier/notifier: $(call objects,$(wildcard tools/notifier/*.c) $(NOTIFIER) $(wildcard src/base/*.c))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(shell pkg-config --libs libcurl jansson libcrypto)

$(BUILD)/obj/%.o: %.c | $(BUILD)/gen/db/queries.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(EXTRA_CFLAGS) -c -o $@ $<

SQL := $(wildcard db/queries/*.sql db/migrations/*.sql db/knowledge/*.sql)
$(BUILD)/gen/db/queries.h $(BUILD)/gen/db/embedded.c &: db/embed $(SQL)
	$(call say,SQL,db)
	$(Q)db/embed $(BUILD)/gen/db

# Made by the program itself, all at once; `make install` and packages take build/man/*.[157].
man: $(BUILD)/man/spoolgate.1 ## the manual pages, in build/man
$(BUILD)/man/spoolgate.1: $(BUILD)/spoolgate man/build $(wildcard man/*.[157])
	$(call say,MAN,$(@D))
	$(Q)man/build $< $(@D)

MANIFESTS := $(wildcard manifests/streams/*.yaml manifests/embedders/*.yaml)
TEMPLATES := $(wildcard templates/*.tmpl)
$(BUILD)/gen/manifests/shipped.c: manifests/embed $(MANIFESTS) $(TEMPLATES)
	$(call say,YAML,manifests templates)
	$(Q)manifests/embed $@

$(BUILD)/gen/events/schemas.c: docs/events/embed $(wildcard docs/events/*.schema.json)
	$(call say,JSON,docs/events)
	$(Q)docs/events/embed $@

$(BUILD)/gen/web/page.c: src/web/page/embed $(wildcard src/web/page/*.html src/web/page/*.css src/web/page/*.js)
	$(call say,HTML,src/web/page)
	$(Q)src/web/page/embed $@

$(EMBEDDED): $(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# ---- use ----

demo: ## set up, ingest data of this machine, index this repository, show rows, events and an answer; leave nothing running
	$(Q)tools/setup demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/demo

run: ## set up and watch spool/ in the foreground until Ctrl-C
	$(Q)tools/setup demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/run

migrate: all ## bring the private database (db/cluster) to this version
	$(Q)db/cluster start
	$(Q)build/spoolgate migrate --database "$$(db/cluster url)"

smoke: demo ## the same as demo
up: run ## the same as run

# ---- tests ----

test: ## set up, build, run all tests; ends with "N passed, N failed"
	$(Q)tools/setup test
	$(Q)$(MAKE) --no-print-directory all $(BUILD)/tests $(BUILD)/pure-tests
	$(Q)tests/run $(BUILD)

test-san: ## the same with the sanitizers: make SAN=1 test-san
	$(Q)tools/setup test
	$(Q)$(MAKE) --no-print-directory SAN=1 all build/san/tests build/san/pure-tests
	$(Q)tests/run build/san

test-page: ## the status page in a real browser, with batches flowing
	$(Q)tools/setup page
	$(Q)$(MAKE) --no-print-directory all
	$(Q)SPOOLGATE_BIN=$(BUILD)/spoolgate tests/page/run

chaos: ## crashes and faults of all sorts: make chaos [N=50]; writes docs/RELIABILITY.md, but not with SAMPLE=K points
	$(Q)tools/setup chaos
	$(Q)$(MAKE) --no-print-directory all
	$(Q)SPOOLGATE_BIN=build/spoolgate tests/chaos/run -n $(or $(N),50) $(if $(SAMPLE),--sample $(SAMPLE),--report docs/RELIABILITY.md)

bench: ## speed against psql and others: make bench [QUICK=1]; the full one writes docs/PERFORMANCE.md
	$(Q)tools/setup bench
	$(Q)$(MAKE) --no-print-directory all bench-tools
	$(Q)SPOOLGATE_BIN=build/spoolgate tests/bench/run $(if $(QUICK),--quick,--report docs/PERFORMANCE.md)

bench-retrieval: ## how well search finds: make bench-retrieval DATA=FOLDER (see tests/bench/retrieval)
	$(Q)tools/setup test
	$(Q)$(MAKE) --no-print-directory all
	$(Q)SPOOLGATE_BIN=build/spoolgate tests/bench/retrieval "$(DATA)"

.PHONY: bench-retrieval bench-tools
bench-tools: $(BENCH)

$(BENCH): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(shell pkg-config --libs libzstd libpq)

CRITERION = $(shell pkg-config --libs criterion)
# Pure code that is a header alone is tested beside the rest.
PURE_HEADERS := src/base/backoff.h src/base/word.h src/replay/rules.h
PURE_TESTS   := $(filter $(patsubst src/%,tests/unit/%_test.c,$(basename $(PURE) $(PURE_HEADERS))),$(TESTS))
PURE_LIBS     = $(shell pkg-config --libs libfyaml libzstd jansson libcrypto libcmark gumbo $(filter msgpack%,$(PACKAGES))) -lm

# Pure tests link pure objects only: an arrow that points the wrong way doesn't link.
$(BUILD)/pure-tests: $(call objects,$(PURE_TESTS) $(PURE)) $(EMBEDDED)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PURE_LIBS) $(CRITERION)

# The commands need main's table and are tested from outside, in tests/e2e.
$(BUILD)/tests: $(call objects,$(filter-out $(PURE_TESTS),$(TESTS)) $(filter-out src/cli/%,$(LIBRARY))) $(EMBEDDED)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(CRITERION)

$(BUILD)/obj/tests/%.o: EXTRA_CFLAGS = -Itests

# What one frame costs, in nanoseconds; see tests/bench/hotpath.c.
$(BUILD)/hotpath: $(call objects,tests/bench/hotpath.c $(PURE)) $(EMBEDDED)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PURE_LIBS)

print-pure: # for tests/check: the files that must not reach outside
	@echo $(sort $(PURE) $(PURE_HEADERS))
print-flags: # for tests/check and tests/fuzz/run: what the compiler has to know
	@echo -std=gnu17 -D_GNU_SOURCE -Isrc -I$(BUILD)/gen $(shell pkg-config --cflags $(PACKAGES))
print-libs:
	@echo $(LIBS)

check: ## format, static analysis, docs against code, scripts, rooms, packages
	$(Q)tools/setup check deb
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/check

format: ## rewrite the sources in the house format
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

fuzz: ## each fuzz target for SECONDS (default 20)
	$(Q)tools/setup check
	$(Q)$(MAKE) --no-print-directory $(EMBEDDED:.o=.c)
	$(Q)tests/fuzz/run $(SECONDS)

# ---- installing ----

.PHONY: dist deb
install: all ## PREFIX=/usr/local DESTDIR=
	$(Q)PREFIX='$(PREFIX)' UNITDIR='$(UNITDIR)' DESTDIR='$(DESTDIR)' tools/install install

uninstall: ## what install put there
	$(Q)PREFIX='$(PREFIX)' UNITDIR='$(UNITDIR)' DESTDIR='$(DESTDIR)' tools/install uninstall

# Times, owners and order are the commit's; nobody's configuration of git has a say.
DIST := build/dist/spoolgate-$(VERSION).tar
dist: ## build/dist/spoolgate-VERSION.tar.gz: HEAD, the same bytes wherever it is made
	$(Q)test -e .git || { echo 'make dist packs a git checkout; this is none' >&2; exit 1; }
	$(Q)mkdir -p $(dir $(DIST))
	$(Q)git -c tar.umask=0022 -c core.autocrlf=false -c core.attributesFile=/dev/null \
		archive --format=tar --prefix=spoolgate-$(VERSION)/ -o $(DIST) HEAD
	$(Q)gzip -9nf $(DIST)
	@echo $(DIST).gz

deb: ## the Debian package of HEAD, held against lintian: build/deb/spoolgate_VERSION_ARCH.deb
	$(Q)tools/setup deb
	$(Q)tools/deb

clean: ## remove build/ (.run/ and spool/ stay)
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
