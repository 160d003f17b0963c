# SPDX-License-Identifier: GPL-3.0-or-later
# zonewitness: everything is built under $(BUILD). `make help` lists the targets.
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

VERSION   := 0.1.0
BUILD     ?= build
CC        := gcc
CLANG     ?= clang
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

PKGS      := libbpf libelf zlib yaml-0.1 libknot libzscanner libsystemd sqlite3 jansson
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS))
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(PKGS))

WARN      := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
             -Wformat=2 -Wundef -Wpointer-arith -Wno-missing-field-initializers
HARDEN    := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -fcf-protection \
             -fstack-clash-protection
OPT       ?= -O2 -g
CPPFLAGS  += -D_GNU_SOURCE -Iinclude -Iuser -I$(BUILD)/gen -DZW_VERSION='"$(VERSION)"' \
             -DZW_CATALOG_DIR='"$(CATALOGDIR)"'
CFLAGS    += -std=gnu17 $(OPT) $(WARN) $(HARDEN) $(PKG_CFLAGS) $(SAN)
LDFLAGS   += -pie -Wl,-z,relro,-z,now $(SAN)
LDLIBS    += $(PKG_LIBS)

BPF_SRCS   := $(wildcard bpf/*.bpf.c)
BPF_OBJS   := $(BPF_SRCS:bpf/%.bpf.c=$(BUILD)/bpf/%.bpf.o)
BPF_SKELS  := $(BPF_SRCS:bpf/%.bpf.c=$(BUILD)/gen/%.skel.h)
USER_SRCS  := $(wildcard user/*/*.c)
USER_OBJS  := $(USER_SRCS:%.c=$(BUILD)/%.o)
MAIN_OBJ   := $(BUILD)/user/cli/main.o
LIB_OBJS   := $(filter-out $(MAIN_OBJ),$(USER_OBJS))
LIB        := $(BUILD)/libzonewitness.a
BIN        := $(BUILD)/zonewitness
UNIT_SRCS  := $(wildcard tests/unit/test_*.c)
UNIT_BINS  := $(UNIT_SRCS:tests/unit/%.c=$(BUILD)/tests/unit/%)
TOOL_SRCS  := $(wildcard tests/e2e/*.c tests/bench/*.c)
TOOL_BINS  := $(TOOL_SRCS:tests/%.c=$(BUILD)/tests/%)

.PHONY: all
all: $(BIN) ## build the program (default)

$(BIN): $(MAIN_OBJ) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIB): $(LIB_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/user/%.o: user/%.c | $(BPF_SKELS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The BPF side sees the running kernel's types only through CO-RE; nothing here is generated from it.
$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror -D__TARGET_ARCH_x86 \
		-Iinclude -Ibpf -I/usr/include/$(shell uname -m)-linux-gnu -MMD -MP -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@

$(BUILD)/gen/%.skel.h: $(BUILD)/bpf/%.bpf.o
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

.PHONY: check
check: $(UNIT_BINS) ## run the unprivileged unit tests
	$(Q)scripts/run-unit $(UNIT_BINS)

.PHONY: clean
clean: ## remove everything built
	rm -rf $(BUILD)

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(USER_OBJS:.o=.d) $(BPF_OBJS:.o=.d) $(UNIT_BINS:=.d) $(TOOL_BINS:=.d)
