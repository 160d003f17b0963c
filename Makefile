# SPDX-License-Identifier: GPL-3.0-or-later
# zonewitness: everything is built under $(BUILD). `make help` lists the targets.
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

VERSION   := 0.1.0
BUILD     ?= build
# The kernel side is the same in every variant of the build.
BPF_BUILD ?= $(BUILD)
CC        := gcc
CLANG     ?= clang
CLANG_TIDY ?= clang-tidy
CLANG_FORMAT ?= clang-format
BPFTOOL   ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
LLVM_STRIP ?= llvm-strip
PKG_CONFIG ?= pkg-config
V         ?= 0
Q         := $(if $(filter 1,$(V)),,@)
say        = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')

PREFIX     ?= /usr
SBINDIR    ?= $(PREFIX)/sbin
MANDIR     ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
UNITDIR    ?= /lib/systemd/system
CATALOGDIR ?= /usr/lib/systemd/catalog
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions

# ncursesw: the live view of `top`, drawn in place on whatever the terminal is; with wide characters for its columns.
PKGS      := libbpf libelf zlib yaml-0.1 libknot libzscanner libsystemd sqlite3 jansson ncursesw
# Addresses have a country and a network with it; all else works without.
MAXMINDDB ?= $(shell $(PKG_CONFIG) --exists libmaxminddb && echo yes)
ifeq ($(MAXMINDDB),yes)
PKGS      += libmaxminddb
CPPFLAGS  += -DZW_HAVE_MAXMINDDB
endif
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS))
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(PKGS))

WARN      := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
             -Wformat=2 -Wundef -Wpointer-arith -Wno-missing-field-initializers
HARDEN    := -fstack-protector-strong -fPIE -fcf-protection -fstack-clash-protection
# The checks of fortified functions would hide from the sanitizers what they are to find.
HARDEN    += $(if $(SAN),,-D_FORTIFY_SOURCE=2)
OPT       ?= -O2 -g
CPPFLAGS  += -D_GNU_SOURCE -Iinclude -Iuser -I$(BPF_BUILD)/gen -DZW_VERSION='"$(VERSION)"' \
             -DZW_CATALOG_DIR='"$(CATALOGDIR)"'
CFLAGS    += -std=gnu17 $(OPT) $(WARN) $(HARDEN) $(PKG_CFLAGS) $(SAN)
LDFLAGS   += -pie -Wl,-z,relro,-z,now $(SAN)
LDLIBS    += $(PKG_LIBS) -lm

BPF_SRCS   := $(wildcard bpf/*.bpf.c)
BPF_OBJS   := $(BPF_SRCS:bpf/%.bpf.c=$(BPF_BUILD)/bpf/%.bpf.o)
BPF_SKELS  := $(BPF_SRCS:bpf/%.bpf.c=$(BPF_BUILD)/gen/%.skel.h)
USER_SRCS  := $(wildcard user/*/*.c)
USER_OBJS  := $(USER_SRCS:%.c=$(BUILD)/%.o)
MAIN_OBJ   := $(BUILD)/user/cli/main.o
LIB_OBJS   := $(filter-out $(MAIN_OBJ),$(USER_OBJS))
LIB        := $(BUILD)/libzonewitness.a
BIN        := $(BUILD)/zonewitness
UNIT_SRCS  := $(wildcard tests/unit/test_*.c)
UNIT_BINS  := $(UNIT_SRCS:tests/unit/%.c=$(BUILD)/tests/unit/%)
TOOL_SRCS  := $(wildcard tests/e2e/*.c tests/bench/*.c tests/bpf/*.c)
TOOL_BINS  := $(TOOL_SRCS:tests/%.c=$(BUILD)/tests/%)

# Parsers only: nothing that is fuzzed needs the kernel side or the commands.
FUZZ_SRCS  := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BINS  := $(FUZZ_SRCS:tests/fuzz/%.c=$(BUILD)/fuzz/%)
FUZZ_OBJS  := $(patsubst %.c,$(BUILD)/fuzz/%.o,$(filter-out user/cli/% user/probe/%,$(USER_SRCS)))
FUZZ_LIB   := $(BUILD)/fuzz/libzonewitness.a
FUZZ_FLAGS := -std=gnu17 -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all $(PKG_CFLAGS)
FUZZ_SECONDS ?= 10

.PHONY: all
all: $(BIN) ## build the program (default)

$(BIN): $(MAIN_OBJ) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Rewritten only when the commands or the list of sources change, so that what was built with others is
# built anew.
$(BUILD)/flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '$(subst ','\'',$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LDLIBS) $(USER_SRCS))' | \
		cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LDLIBS) $(USER_SRCS))' > $@
.PHONY: FORCE
FORCE:

$(LIB): $(LIB_OBJS) $(BUILD)/flags
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(LIB_OBJS)

$(BUILD)/user/%.o: user/%.c $(BUILD)/flags | $(BPF_SKELS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The BPF side sees the running kernel's types only through CO-RE; nothing here is generated from it.
$(BPF_BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror -D__TARGET_ARCH_x86 \
		-Iinclude -Ibpf -I/usr/include/$(shell uname -m)-linux-gnu -MMD -MP -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@

$(BPF_BUILD)/gen/%.skel.h: $(BPF_BUILD)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name zw_$*_bpf > $@

$(BUILD)/tests/%: tests/%.c $(LIB)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(LIB) $(LDLIBS) \
		$(if $(filter tests/unit/%,$<),-lcmocka)

.PHONY: tools
tools: $(TOOL_BINS) ## build the helper programs of the end-to-end tests and benchmarks

.PHONY: unit
unit: $(UNIT_BINS)

.PHONY: check
check: $(UNIT_BINS) ## run the unprivileged unit tests
	$(Q)scripts/run-unit $(UNIT_BINS)

# The same tests, built with the address and undefined behaviour sanitizers.
ASAN := BUILD=$(BUILD)/asan BPF_BUILD=$(BPF_BUILD) OPT='-O1 -g -fno-omit-frame-pointer' \
	SAN='-fsanitize=address,undefined -fno-sanitize-recover=undefined'

.PHONY: asan
asan: $(BPF_SKELS) ## run the unit tests under ASan and UBSan
	$(Q)+$(MAKE) --no-print-directory $(ASAN) check

.PHONY: asan-all
asan-all: $(BPF_SKELS) ## build the program and its helpers with ASan and UBSan
	$(Q)+$(MAKE) --no-print-directory $(ASAN) all tools

$(BUILD)/fuzz/user/%.o: user/%.c
	$(call say,FUZZ,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined \
		-MMD -MP -c -o $@ $<

$(FUZZ_LIB): $(FUZZ_OBJS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ_LIB)
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(CPPFLAGS) -Itests $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined \
		-MMD -MP -MF $@.d -o $@ $< $(FUZZ_LIB) $(LDLIBS)

.PHONY: fuzz
fuzz: $(FUZZ_BINS) ## run every fuzz target for FUZZ_SECONDS (10) on its corpus
	$(Q)scripts/run-fuzz $(FUZZ_SECONDS) $(FUZZ_BINS)

.PHONY: test
test: ## run all tests, as root
	$(Q)scripts/test

.PHONY: vmtest
vmtest: ## run the end-to-end tests on Debian's kernels in qemu, as root
	$(Q)scripts/test build vm

.PHONY: bench
bench: $(BIN) $(TOOL_BINS) ## measure, as root; ends with a table of figures and budgets
	$(Q)BUILD=$(BUILD) tests/bench/run

FORMAT_FILES := $(wildcard user/*/*.[ch] include/*.h bpf/*.[ch] tests/*/*.[ch])

.PHONY: format
format: ## lay out the sources after .clang-format
	$(Q)$(CLANG_FORMAT) -i $(FORMAT_FILES)

.PHONY: format-check
format-check: ## fail if `make format` would change anything
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(FORMAT_FILES)

.PHONY: tidy
tidy: $(BPF_SKELS) ## run clang-tidy with the checks of .clang-tidy
	$(Q)printf '%s\n' $(USER_SRCS) | xargs -P 2 -I{} $(CLANG_TIDY) --quiet {} -- \
		$(CPPFLAGS) -std=gnu17 $(PKG_CFLAGS) 2>/dev/null

.PHONY: man
man: $(BIN) ## make the manual of the rules from their table
	$(Q)$(BIN) check --manual >$(BUILD)/rules.7 && mv $(BUILD)/rules.7 scripts/man/zonewitness-rules.7

INSTALL := install -D -p

.PHONY: install
install: $(BIN) ## install below DESTDIR
	$(Q)$(INSTALL) -m 755 $(BIN) $(DESTDIR)$(SBINDIR)/zonewitness
	$(Q)$(INSTALL) -m 644 scripts/zonewitness.service $(DESTDIR)$(UNITDIR)/zonewitness.service
	$(Q)$(INSTALL) -m 644 scripts/zonewitness.catalog $(DESTDIR)$(CATALOGDIR)/zonewitness.catalog
	$(Q)$(INSTALL) -m 644 scripts/completion/zonewitness $(DESTDIR)$(COMPLETIONDIR)/zonewitness
	$(Q)test -e $(DESTDIR)$(SYSCONFDIR)/zonewitness/zonewitness.yaml || $(INSTALL) -m 644 \
		scripts/zonewitness.yaml $(DESTDIR)$(SYSCONFDIR)/zonewitness/zonewitness.yaml
	$(Q)set -e; for page in $(wildcard scripts/man/*.[578]); do \
		$(INSTALL) -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; done

.PHONY: clean
clean: ## remove everything built
	rm -rf $(BUILD)

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

-include $(USER_OBJS:.o=.d) $(BPF_OBJS:.o=.d) $(UNIT_BINS:=.d) $(TOOL_BINS:=.d)
-include $(FUZZ_OBJS:.o=.d) $(FUZZ_BINS:=.d)
