# Holdfast. `make help` lists what can be made; README.md says what for.
#
# One Makefile for all folders. Who links whom is the same as who may include whom: a program is its
# own objects, then libproto.a, then libcommon.a. New .c files are found by themselves.

VERSION    := 0.1.0
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
RUN_DIR    ?= run
PYTHON     ?= /usr/bin/python3
SECONDS    ?= 60
# how many system tests run at once: they mostly wait
PROCESSES  ?= 4
DESTDIR    ?=

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# make's own idea of these two is "cc" and "ar"; theirs from outside win.
ifeq ($(filter-out default undefined,$(origin CC)),)
CC := gcc
endif
ifeq ($(filter-out default undefined,$(origin AR)),)
AR := ar
endif
CLANG    ?= clang
INSTALL  ?= install
PKG_CONFIG ?= pkg-config
CLANG_FORMAT ?= clang-format

# ---- flavours: each has its own folder, so that one does not rebuild the other ------------------
# make          build/        what is installed
# make SAN=1    build-san/    AddressSanitizer and UndefinedBehaviorSanitizer; a finding ends the program
# make TSAN=1   build-tsan/   ThreadSanitizer, for what runs in threads
# FUZZ=1        build-fuzz/   libFuzzer's instrumentation too (make fuzz-NAME uses it)
ifdef FUZZ
B         := build-fuzz
CC        := $(CLANG)
OPTIMIZE  := -O1 -g -fno-omit-frame-pointer
SANITIZE  := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
else ifdef SAN
B         := build-san
OPTIMIZE  := -O1 -g -fno-omit-frame-pointer
SANITIZE  := -fsanitize=address,undefined -fno-sanitize-recover=all
else ifdef TSAN
B         := build-tsan
OPTIMIZE  := -O1 -g -fno-omit-frame-pointer
SANITIZE  := -fsanitize=thread
else
B         := build
OPTIMIZE  := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
SANITIZE  :=
endif

# ---- flags ---------------------------------------------------------------------------------------
PACKAGES   := libuv jansson libconfuse lua5.4 libcares openssl zlib sqlite3 libcrypt libcurl libedit
WARN       := -Wall -Wextra -Wpedantic -Werror -Wformat=2 -Wshadow -Wstrict-prototypes \
              -Wmissing-prototypes
# Debian has llhttp as C sources, which are compiled in.
LLHTTP     := /usr/share/llhttp
THIRD      := -isystem /usr/share/include -DLLHTTP_STRICT_MODE=1
DEFINES    := $(THIRD) -D_GNU_SOURCE -DHOLDFAST_VERSION='"$(VERSION)"' \
              -DHOLDFAST_RUN_DIR='"/run/holdfast"' -DHOLDFAST_STATE_DIR='"/var/lib/holdfast"' \
              -DHOLDFAST_DATA_DIR='"$(PREFIX)/share/holdfast"' \
              -DHOLDFAST_CONF_DIR='"$(SYSCONFDIR)/holdfast"'
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
ALL_CFLAGS := -std=c11 -I. $(DEFINES) $(WARN) $(OPTIMIZE) -fPIE $(SANITIZE) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SANITIZE) $(LDFLAGS)
# $(call libs,NAME...): what the linker needs for these pkg-config packages
libs        = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)
LIBS_common := $(call libs,libuv jansson openssl) -lm
LIBS_multiplexer := $(call libs,libconfuse libcares zlib)
LIBS_server := $(call libs,lua5.4 sqlite3 libcrypt libcurl)
LIBS_ctl    := $(call libs,libedit)
LIBS_all    := $(LIBS_ctl) $(LIBS_multiplexer) $(LIBS_server) $(LIBS_common)

ifdef V
Q   :=
say := @:
else
Q   := @
say := @printf '  %-7s %s\n'
endif

# ---- what there is -------------------------------------------------------------------------------
FOLDERS := common proto multiplexer server
sources  = $(filter-out %/main.c,$(wildcard $(1)/*.c))
objects  = $(patsubst %.c,$(B)/%.o,$(1))
SRC_common      := $(call sources,common)
SRC_proto       := $(call sources,proto)
SRC_multiplexer := $(call sources,multiplexer)
SRC_server      := $(call sources,server) $(call sources,server/api) $(call sources,server/register) $(call sources,server/maptest)
SRC_list        := $(call sources,server/list)
SRC_ctl         := $(call sources,common/ctl)
SRC_tls         := $(call sources,multiplexer/tls)
MAINS           := $(wildcard multiplexer/main.c multiplexer/tls/main.c server/main.c server/list/main.c common/ctl/main.c)

PROGRAMS := $(if $(wildcard multiplexer/main.c),$(B)/holdfast-multiplexer) \
            $(if $(wildcard multiplexer/tls/main.c),$(B)/holdfast-tls) \
            $(if $(wildcard server/main.c),$(B)/holdfast-server) \
            $(if $(wildcard server/list/main.c),$(B)/holdfast-list) \
            $(if $(wildcard common/ctl/main.c),$(B)/holdfastctl)
ARCHIVES := $(patsubst %,$(B)/lib%.a,common proto multiplexer tls server list ctl)

# tests/unit/FOLDER/NAME.c is a program of its own, but support_*.c goes into every one of its folder,
# and those beside the folders into all.
UNIT_FILES := $(wildcard tests/unit/*/*.c)
UNIT_SHARED := $(wildcard tests/unit/support_*.c)
UNIT_SUPPORT := $(foreach f,$(UNIT_FILES),$(if $(filter support%,$(notdir $(f))),$(f)))
UNITS      := $(patsubst tests/unit/%.c,%,$(filter-out $(UNIT_SUPPORT),$(UNIT_FILES)))
FUZZERS    := $(patsubst tests/fuzz/%.c,%,$(filter-out %/replay.c,$(wildcard tests/fuzz/*.c)))
HEADERS    := $(sort $(shell find $(FOLDERS) tests -name '*.h'))
C_FILES    := $(sort $(shell find $(FOLDERS) tests -name '*.[ch]'))
SYSTEM     := $(wildcard tests/system/test_*.py)

.PHONY: all run test help clean format install uninstall
all: $(PROGRAMS) $(ARCHIVES)

# ---- compile and link ----------------------------------------------------------------------------
# $(B)/flags holds what everything was built with, $(B)/sources which files there were; each is only
# written when it changes, and what depends on it is then built again.
FLAGS_NOW   := $(shell $(CC) --version 2>/dev/null | head -n 1) $(CC) $(ALL_CFLAGS) : $(ALL_LDFLAGS) : $(LIBS_all)
SOURCES_NOW := $(sort $(SRC_common) $(SRC_proto) $(SRC_multiplexer) $(SRC_server) $(SRC_list) $(SRC_ctl) $(SRC_tls) $(UNIT_FILES) $(UNIT_SHARED) $(wildcard multiplexer/web/*))

.PHONY: always
$(B)/flags: always
	@{ $(PKG_CONFIG) --exists $(PACKAGES) 2>/dev/null && [ -e $(LLHTTP)/llhttp.c ]; } || { \
		echo "make: a library that Holdfast is built with is missing; 'make deps' installs it." >&2; \
		exit 1; }
	@mkdir -p $(B)
	@printf '%s\n' $(call quote,$(FLAGS_NOW)) | cmp -s - $@ || printf '%s\n' $(call quote,$(FLAGS_NOW)) >$@
$(B)/sources: always
	@mkdir -p $(B)
	@printf '%s\n' $(SOURCES_NOW) | cmp -s - $@ || printf '%s\n' $(SOURCES_NOW) >$@
quote = '$(subst ','\'',$(1))'

$(B)/%.o: %.c $(B)/flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

$(B)/llhttp/%.o: $(LLHTTP)/%.c $(B)/flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -w -I/usr/share/include/llhttp $(THIRD) $(OPTIMIZE) -fPIE $(SANITIZE) $(CFLAGS) -c -o $@ $<
OBJECTS_common := $(patsubst %,$(B)/llhttp/%.o,llhttp api http)

# The page is part of the multiplexer.
WEB := $(wildcard multiplexer/web/*)
$(B)/multiplexer/web_files.c: multiplexer/web.sh $(WEB) $(B)/sources
	$(say) WEB multiplexer/web
	@mkdir -p $(@D)
	$(Q)multiplexer/web.sh multiplexer/web >$@
$(B)/multiplexer/web_files.o: $(B)/multiplexer/web_files.c $(B)/flags
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<
OBJECTS_multiplexer := $(B)/multiplexer/web_files.o

define archive_rule
$(B)/lib$(1).a: $(call objects,$(SRC_$(1))) $(OBJECTS_$(1)) $(B)/sources
	$$(say) AR $$@
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach a,common proto multiplexer tls server list ctl,$(eval $(call archive_rule,$(a))))

FLOORS := $(B)/libproto.a $(B)/libcommon.a

$(B)/holdfast-multiplexer: $(B)/multiplexer/main.o $(B)/libmultiplexer.a $(B)/libtls.a $(FLOORS)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS_multiplexer) $(LIBS_common)

# It has the private keys, so there is nothing in it but TLS.
$(B)/holdfast-tls: $(B)/multiplexer/tls/main.o $(B)/libtls.a $(B)/libcommon.a
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS_common)

$(B)/holdfast-server: $(B)/server/main.o $(B)/libserver.a $(FLOORS)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@.new $(filter %.o %.a,$^) $(LIBS_server) $(LIBS_common)
	@mv -f $@.new $@

# It has the limiter and the ports of the game server's API.
$(B)/holdfast-list: $(B)/server/list/main.o $(B)/liblist.a $(B)/libserver.a $(FLOORS)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(call libs,sqlite3) $(LIBS_common)

$(B)/holdfastctl: $(B)/common/ctl/main.o $(B)/libctl.a $(B)/libcommon.a
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS_ctl) $(LIBS_common)

# ---- unit tests ----------------------------------------------------------------------------------
# $(call unit_rule,FOLDER/NAME): build it, and unit-FOLDER-NAME to run it. What it prints is shown
# only when it fails (or with V=1).
# What one of them needs besides: a second opinion is a library of its own.
UNIT_LIBS_multiplexer/telnet_peer := -ltelnet
UNIT_LIBS_multiplexer/websocket_peer := -lwslay
define unit_rule
$(B)/unit/$(1): $(B)/tests/unit/$(1).o \
	$(call objects,$(UNIT_SHARED) $(filter tests/unit/$(dir $(1))%,$(UNIT_SUPPORT))) \
	$(if $(filter common proto,$(patsubst %/,%,$(dir $(1)))),,$(B)/lib$(patsubst %/,%,$(dir $(1))).a) \
	$(if $(filter list/%,$(1)),$(B)/libserver.a) $(if $(filter multiplexer/%,$(1)),$(B)/libtls.a) $(FLOORS)
	$$(say) LINK $$@
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) -lcmocka $(UNIT_LIBS_$(1)) $$(LIBS_all)
.PHONY: unit-$(subst /,-,$(1))
unit-$(subst /,-,$(1)): $(B)/unit/$(1)
	$$(say) UNIT $(1)
	$(if $(V),$(B)/unit/$(1) </dev/null, \
	@$(B)/unit/$(1) </dev/null >$(B)/unit/$(1).log 2>&1 || \
		{ cat $(B)/unit/$(1).log; echo "unit test $(1) failed; again: make$(if $(SAN), SAN=1) unit-$(subst /,-,$(1))" >&2; exit 1; })
endef
$(foreach u,$(UNITS),$(eval $(call unit_rule,$(u))))

.PHONY: unit
unit: $(addprefix unit-,$(subst /,-,$(UNITS)))

# ---- the maps' own tests -------------------------------------------------------------------------
MAPS := $(patsubst %/tests/,%,$(dir $(wildcard server/lua/maps/*/tests/.)))
define map_rule
.PHONY: map-$(notdir $(1))
map-$(notdir $(1)): $(B)/holdfast-server
	$$(say) MAP $(1)
	@mkdir -p $(B)/maps
	@$(B)/holdfast-server --run-tests $(1) >$(B)/maps/$(notdir $(1)).log 2>&1 || \
		{ cat $(B)/maps/$(notdir $(1)).log; echo "tests of a map failed; again: make map-$(notdir $(1))" >&2; exit 1; }
endef
$(foreach m,$(MAPS),$(eval $(call map_rule,$(m))))
.PHONY: maps
maps: $(addprefix map-,$(notdir $(MAPS)))

# ---- threads --------------------------------------------------------------------------------------
# ThreadSanitizer over what runs in threads: its own few files, since it takes a build of its own.
RACE := $(wildcard common/http*.c) $(addprefix common/,address.c bell.c buf.c hash.c log.c loop.c reason.c stream.c utf8.c)
$(B)/race: $(call objects,$(RACE) tests/unit/common/http_server.c $(UNIT_SHARED)) $(OBJECTS_common)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -lcmocka $(LIBS_common)
.PHONY: race run-race
race:
	$(Q)$(SUBMAKE) TSAN=1 run-race
run-race: $(B)/race
	$(say) RACE common/http_server
	@$(B)/race </dev/null >$(B)/race.log 2>&1 || { cat $(B)/race.log; exit 1; }

# ---- fuzzing -------------------------------------------------------------------------------------
define fuzz_rule
$(B)/fuzz/$(1)-replay: $(B)/tests/fuzz/$(1).o $(B)/tests/fuzz/replay.o $(B)/libmultiplexer.a $(B)/libtls.a $(B)/libserver.a $(FLOORS)
	$$(say) LINK $$@
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) $$(LIBS_all)
$(B)/fuzz/$(1): $(B)/tests/fuzz/$(1).o $(B)/libmultiplexer.a $(B)/libtls.a $(B)/libserver.a $(FLOORS)
	$$(say) LINK $$@
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -fsanitize=fuzzer -o $$@ $$(filter %.o %.a,$$^) $$(LIBS_all)
.PHONY: fuzz-$(1) replay-$(1)
fuzz-$(1):
	$$(Q)$$(MAKE) --no-print-directory $$(PARALLEL) FUZZ=1 build-fuzz/fuzz/$(1)
	@mkdir -p build-fuzz/corpus/$(1) tests/fuzz/corpus/$(1)
	build-fuzz/fuzz/$(1) -max_total_time=$$(SECONDS) -artifact_prefix=build-fuzz/$(1)- \
		build-fuzz/corpus/$(1) tests/fuzz/corpus/$(1)
replay-$(1): $(B)/fuzz/$(1)-replay
	$$(say) REPLAY $(1)
	$$(Q)find tests/fuzz/corpus/$(1) -type f -print0 2>/dev/null | xargs -0 -r $(B)/fuzz/$(1)-replay
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzz_rule,$(f))))

.PHONY: fuzz-replay
fuzz-replay: $(addprefix replay-,$(FUZZERS))

# ---- benchmarks ----------------------------------------------------------------------------------
# tests/bench/NAME.c is a program each; bench.py starts them, and what they are measured beside.
BENCH := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))
$(B)/bench/%: $(B)/tests/bench/%.o $(FLOORS)
	$(say) LINK $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS_common)

.PHONY: bench
bench: deps-bench
	$(Q)$(SUBMAKE) all $(BENCH)
	$(Q)HOLDFAST_BUILD=$(B) $(PYTHON) tests/bench/bench.py $(if $(QUICK),--quick) $(BENCH_ARGS)

# The HTTP API has a table of its own.
.PHONY: bench-api
bench-api: deps-bench-api
	$(Q)$(SUBMAKE) all $(B)/bench/microhttpd
	$(Q)HOLDFAST_BUILD=$(B) $(PYTHON) tests/bench/api/api.py $(if $(QUICK),--quick)
$(B)/bench/microhttpd: $(B)/tests/bench/api/microhttpd.o
	$(say) LINK $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lmicrohttpd

# ---- lint ----------------------------------------------------------------------------------------
.PHONY: lint check-headers check-format
lint: check-headers check-format $(PROGRAMS)
	$(say) LINT .
	$(Q)HOLDFAST_BUILD=$(B) tests/lint/lint.sh

# Every header must compile with nothing before it.
check-headers: $(HEADERS:%=$(B)/headers/%.ok)
$(B)/headers/%.ok: % $(B)/flags
	$(say) HEADER $<
	@mkdir -p $(@D)
	$(Q)printf '#include "%s"\n' $< | $(CC) $(ALL_CFLAGS) $(if $(filter tests/%,$<),-Wno-unused-function) -MMD -MP -MF $(@:.ok=.d) -MT $@ -o /dev/null -c -x c -
	@touch $@

check-format:
	$(say) FORMAT .
	$(Q)CLANG_FORMAT=$(CLANG_FORMAT) tests/lint/format.sh $(C_FILES)

format:
	$(CLANG_FORMAT) -i $(C_FILES)

.PHONY: tables
tables: $(B)/tables
	@$(B)/tables
$(B)/tables: $(B)/tests/lint/tables.o
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $<

# ---- the models of the restart and of the second server -------------------------------------------
.PHONY: model
model:
	$(say) MODEL .
	$(Q)CC='$(CC)' tests/model/check.sh $(B)/model

# ---- run and test --------------------------------------------------------------------------------
# They call make again once what they need is installed: only then can pkg-config answer.
PARALLEL  = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
SUBMAKE   = $(MAKE) --no-print-directory $(PARALLEL)

run: deps-run
	$(Q)$(SUBMAKE) all
	$(Q)exec $(B)/holdfastctl --run-dir $(RUN_DIR) run --maps server/lua/maps \
		--config-multiplexer etc/multiplexer.conf --config-server etc/run.cfg \
		--list-at 127.0.0.1:8090

test: deps-test
	$(Q)$(SUBMAKE) all $(BENCH)
	$(Q)$(SUBMAKE) lint
	$(if $(SAN),,$(Q)$(SUBMAKE) model)
	$(Q)$(SUBMAKE) unit
	$(Q)$(SUBMAKE) maps
	$(Q)$(SUBMAKE) fuzz-replay
	$(if $(SAN),,$(Q)$(SUBMAKE) race)
	$(if $(SAN),,$(Q)$(SUBMAKE) SAN=1 unit)
	$(if $(SAN),,$(Q)$(SUBMAKE) SAN=1 maps)
	$(if $(SAN),,$(Q)$(SUBMAKE) SAN=1 fuzz-replay)
	$(Q)$(SUBMAKE) system
	@echo "All tests passed."

.PHONY: system
system: $(PROGRAMS) $(BENCH)
	$(if $(SYSTEM),$(Q)HOLDFAST_BUILD=$(B) $(PYTHON) -m pytest -q -p no:cacheprovider -n $(PROCESSES) tests/system $(PYTEST_ARGS) </dev/null)

# ---- what must be installed ----------------------------------------------------------------------
DEPS_run  := gcc libc6-dev pkg-config libuv1-dev libjansson-dev libconfuse-dev liblua5.4-dev uthash-dev \
             libc-ares-dev libssl-dev zlib1g-dev libsqlite3-dev libcrypt-dev libedit-dev \
             libcurl4-openssl-dev node-llhttp
DEPS_test := $(DEPS_run) libcmocka-dev clang libclang-rt-14-dev clang-format git procps python3 \
             python3-pytest python3-pytest-xdist python3-pexpect inetutils-telnet tintin++ netcat-openbsd socat lua-check spin \
             openssl iproute2 nftables dnsmasq-base unbound oidentd \
             haproxy nginx-light libnginx-mod-stream libtelnet-dev libwslay-dev tf5 kbtin putty-tools \
             curl prometheus wrk python3-websocket python3-websockets node-ws chromium chromium-driver python3-selenium

DEPS_bench := $(DEPS_run) python3 haproxy nginx-light libnginx-mod-stream wrk

DEPS_bench-api := $(DEPS_bench) libmicrohttpd-dev curl

.PHONY: deps deps-run deps-test deps-bench deps-bench-api
deps: deps-test
deps-run deps-test deps-bench deps-bench-api: deps-%:
	@etc/deps.sh $(DEPS_$*)

# ---- install -------------------------------------------------------------------------------------
BIN   := $(DESTDIR)$(PREFIX)/bin
SHARE := $(DESTDIR)$(PREFIX)/share
UNIT  := $(DESTDIR)$(PREFIX)/lib/systemd/system
CONF  := $(DESTDIR)$(SYSCONFDIR)/holdfast
PROGRAM_NAMES := holdfast-multiplexer holdfast-tls holdfast-server holdfast-list holdfastctl

# A configuration file that is already there is the operator's: ours is put beside it as NAME.new.
install: $(PROGRAMS)
	$(INSTALL) -d $(BIN) $(CONF) $(SHARE)/holdfast $(SHARE)/doc/holdfast $(UNIT) \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d $(SHARE)/bash-completion/completions
	$(INSTALL) -m 755 $(addprefix $(B)/,$(PROGRAM_NAMES)) $(BIN)
	for f in multiplexer.conf server.cfg; do \
		if [ ! -e $(CONF)/$$f ]; then $(INSTALL) -m 644 etc/$$f $(CONF)/$$f; \
		elif ! cmp -s etc/$$f $(CONF)/$$f; then $(INSTALL) -m 644 etc/$$f $(CONF)/$$f.new; \
			echo "$(CONF)/$$f was kept; the one of this version is $(CONF)/$$f.new"; fi; done
	cd server/lua && find . -type f | while read -r f; do \
		$(INSTALL) -D -m 644 "$$f" "$(abspath $(SHARE))/holdfast/$$f" || exit 1; done
	for u in holdfast-multiplexer.service holdfast-server.service holdfast-list.service; do \
		sed 's|@PREFIX@|$(PREFIX)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g' etc/$$u >$(UNIT)/$$u && chmod 644 $(UNIT)/$$u || exit 1; done
	$(INSTALL) -m 644 etc/holdfast.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/holdfast.conf
	$(INSTALL) -m 644 etc/holdfastctl.bash-completion $(SHARE)/bash-completion/completions/holdfastctl
	$(INSTALL) -m 644 README.md LICENSE etc/CHANGES $(SHARE)/doc/holdfast

# Leaves the configuration.
uninstall:
	rm -f $(addprefix $(BIN)/,$(PROGRAM_NAMES)) $(UNIT)/holdfast-multiplexer.service \
		$(UNIT)/holdfast-server.service $(UNIT)/holdfast-list.service $(DESTDIR)$(PREFIX)/lib/sysusers.d/holdfast.conf \
		$(SHARE)/bash-completion/completions/holdfastctl
	rm -rf $(SHARE)/holdfast $(SHARE)/doc/holdfast

# ---- the rest ------------------------------------------------------------------------------------
clean:
	rm -rf build build-san build-tsan build-fuzz

help:
	@sed -n 's/^#? //p' Makefile

#? make                   builds all programs into build/
#? make run               installs what is missing, builds, runs the game in this terminal
#? make test              lint, unit tests, fuzz corpora, the same under sanitizers, system tests
#? make SAN=1 test        all of it on the sanitizer build (build-san/)
#? make unit              the unit tests alone; make unit-FOLDER-NAME: one of them
#? make maps              the tests of the maps that ship; make map-NAME: those of one
#? make system            the system tests alone; PYTEST_ARGS="-k word": some of them; PROCESSES=1: one by one
#? make fuzz-NAME         fuzzes tests/fuzz/NAME.c for SECONDS=60
#? make fuzz-replay       runs the fuzzers' corpora once
#? make bench             measures Holdfast beside haproxy and nginx, build/bench/report.md; QUICK=1: in a minute or two;
#?                        BENCH_ARGS="memory fan": only these tables
#? make bench-api         measures the HTTP API beside nginx and libmicrohttpd, build/bench/api.md
#? make race              what runs in threads, under ThreadSanitizer
#? make model             tries every order of events in models of the restart and of a second server (spin; half a minute)
#? make lint              who includes whom, format, headers alone, Lua, configuration
#? make check-headers     every header compiles alone
#? make format            clang-format on all C files
#? make tables            prints the manual of options, cvars, commands and messages
#? make deps              installs what building and testing need (Debian)
#? make install           DESTDIR= PREFIX=/usr/local SYSCONFDIR=/etc; make uninstall
#? make clean             removes build/, build-san/, build-tsan/, build-fuzz/
#? V=1 shows each command; CC=clang uses clang; changed flags rebuild what they touch

-include $(shell find $(B) -name '*.d' 2>/dev/null)
