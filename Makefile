# Bailiwick. `make help` lists the targets.

BUILD ?= release
V ?= 0
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 20
JOBS ?= 2
ifeq ($(origin CC),default)
CC := $(if $(filter fuzz,$(BUILD)),clang,gcc)
endif

VERSION := $(shell sed -n 's/^.define BAILIWICK_VERSION "\(.*\)"/\1/p' zone/base/version.h)
SONAME := libzone.so.$(firstword $(subst ., ,$(VERSION)))

OUT := build/$(BUILD)
OBJ := $(OUT)/obj
LIB := $(OUT)/lib
BIN := $(if $(filter release,$(BUILD)),build/bin,$(OUT)/bin)

ifeq ($(V),0)
Q := @
say = @printf '  %-6s %s\n'
MAKEFLAGS += --no-print-directory
else
Q :=
say = @true
endif

# All cores, unless -j says otherwise.
ifeq ($(MAKELEVEL)$(findstring -j,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

# Flags. Each BUILD has its own objects and programs; only release programs stand in build/bin.
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
CFLAGS_release := -O2 -g -fno-plt
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
CFLAGS_fuzz := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-omit-frame-pointer
CFLAGS_cover := -O0 -g --coverage
CPPFLAGS += -I. -D_GNU_SOURCE
ALL_CFLAGS = -std=gnu11 -fPIC -fvisibility=default -pthread $(WARN) $(CFLAGS_$(BUILD)) $(CFLAGS)
ALL_LDFLAGS = -pthread -rdynamic $(filter -fsanitize% --coverage,$(CFLAGS_$(BUILD))) $(LDFLAGS)

# pkg-config is asked once, and only when something is compiled: it may not be installed yet.
PKGS_ZONE := libsodium libssl libcrypto
PKGS_SERVER := libuv libpcre2-8 libnghttp2
PKGS_GIT := libgit2
PKGS_GITSYNC := libcurl libmicrohttpd
PKGS_TEST := cmocka ldns
pkg_config = $(shell pkg-config $(1) $(2))
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(call pkg_config,--cflags,$(PKGS_ZONE) $(PKGS_SERVER) $(PKGS_GIT) $(PKGS_GITSYNC)))$(PKG_CFLAGS)
ZONE_LIBS = $(eval ZONE_LIBS := $$(call pkg_config,--libs,$(PKGS_ZONE)))$(ZONE_LIBS)
SERVER_LIBS = $(eval SERVER_LIBS := $$(call pkg_config,--libs,$(PKGS_SERVER) $(PKGS_ZONE)) -ldl)$(SERVER_LIBS)
GIT_LIBS = $(eval GIT_LIBS := $$(call pkg_config,--libs,$(PKGS_GIT)))$(GIT_LIBS)
GITSYNC_LIBS = $(eval GITSYNC_LIBS := $$(call pkg_config,--libs,$(PKGS_GIT) $(PKGS_GITSYNC)))$(GITSYNC_LIBS)
TEST_LIBS = $(eval TEST_LIBS := $$(call pkg_config,--libs,$(PKGS_TEST)))$(TEST_LIBS)

# Sources are found by their place: a new file needs no line here.
obj = $(patsubst %.c,$(OBJ)/%.o,$(1))
SERVER_MAIN := server/bailiwickd.c server/bailiwickctl.c
ZONE_SRC := $(sort $(wildcard zone/*/*.c))
# The reader's fast path is compiled once more for AVX2 and chosen when the program runs.
ZONE_OBJ = $(call obj,$(ZONE_SRC)) $(if $(filter x86_64,$(shell uname -m)),$(OBJ)/zone/text/reader_fast.avx2.o)
PLUGIN_SRC := $(sort $(wildcard plugins/*/*.c))
SERVER_SRC := $(filter-out $(SERVER_MAIN),$(sort $(wildcard server/*.c)))
ZONETOOL_SRC := $(if $(wildcard zone/store/load.c),$(sort $(wildcard zonetool/*.c)))
SIGNER_SRC := $(sort $(wildcard signer/*.c))
GITSYNC_SRC := $(sort $(wildcard gitsync/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/*/*_test.c))
CASE_SRC := $(sort $(wildcard tests/case/*.c))
CASES := $(sort $(wildcard tests/case/*.case))
SYSTEM := $(sort $(wildcard tests/system/*_test.py))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/*_fuzz.c))
BENCH_SRC := $(sort $(wildcard bench/*.c))

PROGRAMS := $(patsubst server/%.c,$(BIN)/%,$(wildcard $(SERVER_MAIN))) $(if $(ZONETOOL_SRC),$(BIN)/zonetool) \
	$(if $(SIGNER_SRC),$(BIN)/signer) $(if $(GITSYNC_SRC),$(BIN)/gitsync)
LIBRARIES := $(LIB)/libzone.a $(LIB)/libzone.so.$(VERSION)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(OUT)/unit/%)
CASE_BIN := $(if $(CASE_SRC),$(OUT)/case/runner)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(OUT)/fuzz/%)
BENCH_BIN := $(BENCH_SRC:bench/%.c=$(OUT)/bench/%)

# These goals install the packages they miss (see `make deps`); the others only build.
ifneq ($(filter run,$(MAKECMDGOALS)),)
DEPS := build/deps-build
endif
ifneq ($(filter check check-% bench fuzz lint format cover,$(MAKECMDGOALS)),)
DEPS := build/deps-build build/deps-test
endif

all: $(PROGRAMS) $(LIBRARIES) ## build the programs (build/bin) and the libraries

help: ## list the targets
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' Makefile | expand -t 16 | sed 's/^/  /'
	@echo 'Variables: BUILD=release|debug|asan|tsan|fuzz|cover  V=1  CC=  CFLAGS=  PREFIX=$(PREFIX)  DESTDIR='
	@echo '           FUZZ_SECONDS=$(FUZZ_SECONDS)  JOBS=$(JOBS)  BENCH="--quick answers"'

# ---- building ----

$(OBJ)/%.o: %.c $(OUT)/flags | $(DEPS)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(OBJ)/%.avx2.o: %.c $(OUT)/flags | $(DEPS)
	$(say) CC '$< (AVX2)'
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) -mavx2 -mbmi -MMD -MP -c -o $@ $<

# The chain's order is plugins/plugin.cfg.
$(OUT)/gen/plugin_table.h: plugins/plugin.cfg
	@mkdir -p $(@D)
	$(Q)sed -n 's/^[a-z][a-z0-9_]*$$/PLUGIN_ROW(&)/p' $< > $@

$(OBJ)/server/plugin_list.o: $(OUT)/gen/plugin_table.h
$(OBJ)/server/plugin_list.o: private CPPFLAGS += -I$(OUT)/gen

# A plugin as a loadable object, for `plugin PATH`: the same source.
$(LIB)/plugins/%.so: FORCE
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(filter-out -fvisibility%,$(ALL_CFLAGS)) -DPLUGIN_LOADABLE -shared -o $@ \
		$(sort $(wildcard plugins/$*/*.c tests/plugins/$*.c))

# Changed flags rebuild everything.
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CPPFLAGS) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CPPFLAGS) $(ALL_CFLAGS)' > $@

$(LIB)/libzone.a: $(ZONE_OBJ)
$(LIB)/libserver.a: $(call obj,$(SERVER_SRC) $(PLUGIN_SRC))
$(LIB)/%.a:
	$(say) AR $@
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(LIB)/libzone.so.$(VERSION): $(ZONE_OBJ)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) -shared -Wl,-soname,$(SONAME) $(filter-out -rdynamic,$(ALL_LDFLAGS)) -o $@ $^ $(ZONE_LIBS)

# The server's tables and the symbols that loadable plugins need must all be there: whole archives.
WHOLE = -Wl,--whole-archive $(LIB)/libserver.a $(LIB)/libzone.a -Wl,--no-whole-archive

$(BIN)/bailiwickd $(BIN)/bailiwickctl: $(BIN)/%: $(OBJ)/server/%.o $(LIB)/libserver.a $(LIB)/libzone.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(WHOLE) $(SERVER_LIBS)

# Programs of one's own over the server library.
EXAMPLES := $(patsubst examples/%.c,$(OUT)/examples/%,$(wildcard examples/*/*.c))
$(OUT)/examples/%: $(OBJ)/examples/%.o $(LIB)/libserver.a $(LIB)/libzone.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(WHOLE) $(SERVER_LIBS)

examples: $(EXAMPLES) ## build the programs of examples/ (build/release/examples)

$(BIN)/zonetool: $(call obj,$(ZONETOOL_SRC)) $(LIB)/libzone.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ZONE_LIBS) $(GIT_LIBS)

$(BIN)/signer: $(call obj,$(SIGNER_SRC)) $(LIB)/libzone.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ZONE_LIBS)

$(BIN)/gitsync: $(call obj,$(GITSYNC_SRC)) $(LIB)/libzone.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ZONE_LIBS) $(GITSYNC_LIBS)

$(OUT)/unit/%: $(OBJ)/tests/unit/%.o $(LIB)/libserver.a $(LIB)/libzone.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(WHOLE) $(SERVER_LIBS) $(TEST_LIBS)

$(OUT)/case/runner: $(call obj,$(CASE_SRC)) $(LIB)/libserver.a $(LIB)/libzone.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(call obj,$(CASE_SRC)) $(WHOLE) $(SERVER_LIBS) $(TEST_LIBS)

$(OUT)/fuzz/%: $(OBJ)/tests/fuzz/%.o $(LIB)/libserver.a $(LIB)/libzone.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(LIB)/libserver.a $(LIB)/libzone.a $(SERVER_LIBS) \
		$(if $(filter %/merge_fuzz,$@),$(GIT_LIBS))

$(OUT)/bench/%: $(OBJ)/bench/%.o $(LIB)/libzone.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ZONE_LIBS)

unit: $(UNIT_BIN)

bench-tools: $(BENCH_BIN)

# ---- running and testing ----

run: $(BIN)/bailiwickd ## start bailiwickd with the example zones on an unprivileged port
	@sh examples/run.sh $(BIN)/bailiwickd

RUN_TESTS = BAILIWICK_BIN=$(abspath $(BIN)) BUILD=$(BUILD) /usr/bin/python3 tests/run.py --jobs $(JOBS)
RUN_UNIT = $(addprefix --unit ,$(UNIT_BIN))
RUN_CASE = $(if $(CASE_BIN),--case $(CASE_BIN) $(CASES))
RUN_SYSTEM = $(addprefix --system ,$(SYSTEM))

check: all bench-tools examples $(UNIT_BIN) $(CASE_BIN) ## run all tests; the last line is "N passed, N failed"
	@$(RUN_TESTS) $(RUN_UNIT) $(RUN_SYSTEM) $(RUN_CASE)

check-unit: $(UNIT_BIN) ## run the unit tests
	@$(RUN_TESTS) $(RUN_UNIT)

check-case: $(CASE_BIN) $(PROGRAMS) ## run the text scenarios of tests/case
	@$(RUN_TESTS) $(RUN_CASE)

check-system: all bench-tools examples ## run the real programs beside real NSD, Knot and BIND
	@$(RUN_TESTS) $(RUN_SYSTEM)

bench: all bench-tools ## measure beside the peers that Debian packages
	@/usr/bin/python3 bench/run.py $(BENCH)

# Targets that need more than an entry point include the source they test: so no whole archives.
fuzz: $(BIN)/zonetool ## run each fuzz target for FUZZ_SECONDS
	@$(MAKE) BUILD=fuzz CC=clang fuzz-run

fuzz-build: $(FUZZ_BIN)

fuzz-run: $(FUZZ_BIN)
	@ZONETOOL=build/bin/zonetool sh tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ_BIN)

lint: all ## check the house rules: arrows, hot objects, headers, banned functions, format
	@/usr/bin/python3 tests/lint/lint.py --objects $(OBJ)

format: | $(DEPS) ## clang-format all sources in place
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i

cover: $(DEPS) ## report line coverage of all tests
	-@$(MAKE) BUILD=cover check
	@/usr/bin/python3 tests/cover.py build/cover/obj

deps-build: build/deps-build

deps: build/deps-build build/deps-test ## install the packages that building and testing need (Debian)

build/deps-%: packaging/packages packaging/deps.sh
	@sh packaging/deps.sh $*
	@mkdir -p build && touch $@

# ---- installing ----

bindir = $(DESTDIR)$(PREFIX)/bin
sbindir = $(DESTDIR)$(PREFIX)/sbin
libdir = $(DESTDIR)$(PREFIX)/lib
includedir = $(DESTDIR)$(PREFIX)/include/bailiwick
mandir = $(DESTDIR)$(PREFIX)/share/man
docdir = $(DESTDIR)$(PREFIX)/share/doc/bailiwick
fill = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@VERSION@|$(VERSION)|g' -e 's|@REQUIRES@|$(PKGS_ZONE)|g'

install: all ## install below DESTDIR/PREFIX: programs, libzone, headers, man pages, systemd unit
	install -d $(bindir) $(sbindir) $(libdir)/pkgconfig $(libdir)/systemd/system $(docdir)/examples/zones
	install -m 755 $(filter %/bailiwickd,$(PROGRAMS)) $(sbindir)
	install -m 755 $(filter-out %/bailiwickd,$(PROGRAMS)) $(bindir)
	install -m 644 $(LIB)/libzone.a $(libdir)
	install -m 755 $(LIB)/libzone.so.$(VERSION) $(libdir)
	ln -sf libzone.so.$(VERSION) $(libdir)/$(SONAME)
	ln -sf $(SONAME) $(libdir)/libzone.so
	for h in zone/*/*.h plugins/*.h; do install -D -m 644 $$h $(includedir)/$$h || exit 1; done
	$(fill) packaging/bailiwick-zone.pc.in > $(libdir)/pkgconfig/bailiwick-zone.pc
	$(fill) packaging/bailiwickd.service.in > $(libdir)/systemd/system/bailiwickd.service
	$(fill) packaging/gitsync.service.in > $(libdir)/systemd/system/gitsync.service
	for m in man/*.[578]; do install -D -m 644 $$m $(mandir)/man$${m##*.}/$${m##*/} || exit 1; done
	install -m 644 README.md CHANGELOG.md LICENSE $(docdir)
	install -m 644 examples/Corefile $(docdir)/examples
	install -m 644 examples/zones/* $(docdir)/examples/zones
	install -d $(docdir)/examples/gitsync
	install -m 644 examples/gitsync/* $(docdir)/examples/gitsync

clean: ## remove what was built
	rm -rf build

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
FORCE:
.PHONY: all examples help unit bench-tools run check check-unit check-case check-system bench fuzz fuzz-build fuzz-run lint format \
	cover deps deps-build install clean FORCE
.SECONDARY:
.DELETE_ON_ERROR:
