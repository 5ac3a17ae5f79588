# Bailiwick. `make help` lists the targets.

BUILD ?= release
V ?= 0
PREFIX ?= /usr/local
CC ?= gcc
BIN := build/bin
OBJ := build/$(BUILD)/obj
LIB := build/$(BUILD)/lib
ifneq ($(BUILD),release)
BIN := build/$(BUILD)/bin
endif

ifeq ($(V),0)
Q := @
say = @printf '  %-6s %s\n'
else
Q :=
say = @true
endif

PKGS_ZONE := libsodium libcrypto
PKGS_SERVER := libuv
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
CPPFLAGS += -I. -D_GNU_SOURCE
CFLAGS_release := -O2 -g -fno-plt
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
CFLAGS_fuzz := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-omit-frame-pointer
ALL_CFLAGS = -std=gnu11 -fPIC -fvisibility=default -pthread $(WARN) $(CFLAGS_$(BUILD)) $(CFLAGS)
ALL_LDFLAGS = -pthread -rdynamic $(filter -fsanitize%,$(CFLAGS_$(BUILD))) $(LDFLAGS)
ZONE_LIBS = $(shell pkg-config --libs $(PKGS_ZONE))
SERVER_LIBS = $(shell pkg-config --libs $(PKGS_SERVER)) $(ZONE_LIBS) -ldl

ZONE_SRC := $(sort $(wildcard zone/*/*.c))
PLUGIN_SRC := $(sort $(wildcard plugins/*/*.c))
SERVER_SRC := $(filter-out server/bailiwickd.c server/bailiwickctl.c,$(sort $(wildcard server/*.c)))
ZONETOOL_SRC := $(sort $(wildcard zonetool/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/*/*_test.c))
BENCH_SRC := $(sort $(wildcard bench/*.c))

obj = $(patsubst %.c,$(OBJ)/%.o,$(1))
PROGRAMS := $(if $(wildcard server/bailiwickd.c),$(BIN)/bailiwickd) \
	$(if $(wildcard server/bailiwickctl.c),$(BIN)/bailiwickctl) \
	$(if $(ZONETOOL_SRC),$(BIN)/zonetool)
UNIT_BIN := $(patsubst tests/unit/%.c,build/$(BUILD)/unit/%,$(UNIT_SRC))
BENCH_BIN := $(patsubst bench/%.c,build/$(BUILD)/bench/%,$(BENCH_SRC))

all: $(PROGRAMS) ## build the programs

$(OBJ)/%.o: %.c
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB)/libzone.a: $(call obj,$(ZONE_SRC))
	$(say) AR $@
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(LIB)/libserver.a: $(call obj,$(SERVER_SRC) $(PLUGIN_SRC))
	$(say) AR $@
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BIN)/bailiwickd $(BIN)/bailiwickctl: $(BIN)/%: $(OBJ)/server/%.o $(LIB)/libserver.a $(LIB)/libzone.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< -Wl,--whole-archive $(LIB)/libserver.a $(LIB)/libzone.a -Wl,--no-whole-archive $(SERVER_LIBS)

$(BIN)/zonetool: $(call obj,$(ZONETOOL_SRC)) $(LIB)/libzone.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ZONE_LIBS)

build/$(BUILD)/unit/%: $(OBJ)/tests/unit/%.o $(LIB)/libserver.a $(LIB)/libzone.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB)/libserver.a $(LIB)/libzone.a $(SERVER_LIBS) $(shell pkg-config --libs cmocka ldns)

build/$(BUILD)/bench/%: $(OBJ)/bench/%.o
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $<

unit: $(UNIT_BIN)

bench-tools: $(BENCH_BIN)

clean: ## remove what was built
	rm -rf build

-include $(shell find build/$(BUILD)/obj -name '*.d' 2>/dev/null)
.PHONY: all unit bench-tools clean
.SECONDARY:
