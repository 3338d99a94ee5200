# SPDX-License-Identifier: GPL-2.0-only
# tunescope: `make` builds build/tunescope; `make help` lists the rest.
#   V=1 shows the commands, DEBUG=1 builds -O0 -g, SANITIZE=1 builds with ASan and UBSan (in build-sanitize/).

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

VERSION := 0.1.0
PREFIX  ?= /usr/local
DESTDIR ?=

BUILD ?= $(if $(filter 1,$(SANITIZE)),build-sanitize,build)
# One name for one directory: the dependency files name their targets as they were given to make.
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))
Q     := $(if $(filter 1,$(V)),,@)
silent := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
say    = $(if $(filter 1,$(V)),,@$(if $(silent),,printf '  %-8s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$(2))';))

CC      ?= gcc
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config

ARCH := $(shell uname -m)
BPF_ARCH := $(if $(filter aarch64 arm64,$(ARCH)),arm64,x86)

PACKAGES := libbpf libelf zlib jansson inih libcap
# Loaded at run time by the one process that uses it (user/live/http_library.h).
LOADED_PACKAGES := libmicrohttpd
# Only when something is going to be compiled: `make clean` needs none of them.
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PACKAGES) $(LOADED_PACKAGES))
PKG_LIBS   = $(shell $(PKG_CONFIG) --libs $(PACKAGES))

OPTIMIZE := $(if $(filter 1,$(DEBUG)),-O0 -g3,-O2 -g)
ifeq ($(SANITIZE),1)
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
CFLAGS_ALL := -std=gnu11 $(OPTIMIZE) $(SANITIZERS) -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wformat=2 -Wundef -Wno-unused-parameter -D_GNU_SOURCE \
	-DTUNESCOPE_VERSION='"$(VERSION)"' -Iinclude $(CFLAGS)
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -Werror \
	-Wno-unused-parameter -Iinclude -Ivmlinux/$(if $(filter arm64,$(BPF_ARCH)),arm64,x86_64) -Ibpf

# One clear line for a missing tool, before anything is built. The goals left out need none, or install it.
GOALS := $(or $(MAKECMDGOALS),all)
ifneq ($(filter-out advise check check-vm record-vm check-arm64 bench setup setup-% clean help lint format uninstall,$(GOALS)),)
MISSING := $(shell CC='$(CC)' CLANG='$(CLANG)' scripts/setup.sh build --no-install 2>&1)
ifneq ($(MISSING),)
$(error $(MISSING))
endif
endif

CORE_SOURCES := $(wildcard user/core/*.c user/core/rules/*.c user/core/render/*.c)
LIVE_SOURCES := $(wildcard user/live/*.c)
CMD_SOURCES  := $(wildcard user/cmd/*.c) user/main.c
BPF_SOURCES  := $(wildcard bpf/*.bpf.c)

object   = $(patsubst %.c,$(BUILD)/%.o,$(1))
CORE_LIB := $(BUILD)/libtunescope-core.a
LIVE_LIB := $(BUILD)/libtunescope-live.a
KERNEL_TYPES := $(BUILD)/skeleton/kernel_types.inc
SKELETONS := $(patsubst bpf/%.bpf.c,$(BUILD)/skeleton/%.skel.h,$(BPF_SOURCES))
# Built a second time for kernels that lack some of the atomic operations: those that user space asks for.
SKELETONS += $(addprefix $(BUILD)/skeleton/,$(shell sed -n 's/^.include "\(.*_plain\.skel\.h\)"$$/\1/p' $(LIVE_SOURCES)))

.PHONY: all
all: $(BUILD)/tunescope

# Functions are looked up at the start: the tables that takes need not stay in memory.
$(BUILD)/tunescope: $(call object,$(CMD_SOURCES)) $(LIVE_LIB) $(CORE_LIB)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -Wl,-z,now -o $@ $^ $(PKG_LIBS) -lm

$(CORE_LIB): $(call object,$(CORE_SOURCES))
$(LIVE_LIB): $(call object,$(LIVE_SOURCES))
$(BUILD)/%.a:
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

# When other flags are asked for (DEBUG=1 after an ordinary build), everything is compiled again.
FLAGS := $(BUILD)/flags
.PHONY: always
$(FLAGS): always
	@mkdir -p $(@D)
	@echo "$(subst ",\",$(CFLAGS_ALL))" | cmp -s - $@ || echo "$(subst ",\",$(CFLAGS_ALL))" > $@

$(BUILD)/%.o: %.c $(FLAGS)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS_ALL) $(PKG_CFLAGS) -I$(BUILD)/skeleton -MMD -MP -c -o $@ $<

# A skeleton may be included by any file of user/live: they wait for all of them.
$(call object,$(LIVE_SOURCES)): | $(SKELETONS) $(KERNEL_TYPES)

# What lies between a source and its skeleton is kept: no list of what is removed at the end of a build.
.PRECIOUS: $(BUILD)/bpf/%.bpf.o $(BUILD)/bpf/%_plain.bpf.o $(BUILD)/bpf/%.linked.o

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/bpf/%_plain.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) $(BPF_CFLAGS) -DTS_WITHOUT_FETCH -MMD -MP -c -o $@ $<

# Linking a single object drops its DWARF (BTF stays): it would only make the binary larger.
$(BUILD)/bpf/%.linked.o: $(BUILD)/bpf/%.bpf.o
	$(call say,BPFLINK,$@)$(BPFTOOL) gen object $@ $<

# The objects get a section of their own: they are read once at the start, and the kernel maps what lies around
# whatever is read, so between the other constants they would stay in memory with those. (bpftool writes them as a
# string literal, since 7.2 as an array.)
OBJECTS_IN := static const char data[] __attribute__((__aligned__(8), __section__("bpf_objects")))
$(BUILD)/skeleton/%.skel.h: $(BUILD)/bpf/%.linked.o
	@mkdir -p $(@D)
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp
	@sed -e 's/^\tstatic const char data\[\] .* = "\\$$/\t$(OBJECTS_IN) = "\\/' \
		-e '/^\treturn (const void \*)"\\$$/,/";$$/{s/^\treturn (const void \*)"/\t$(OBJECTS_IN) = "/; /";$$/a\' \
		-e '	return data;' -e '}' $@.tmp > $@
	@rm -f $@.tmp; grep -q bpf_objects $@

# Names of the types in the BPF objects, of which those that the kernel has too are read from it.
$(KERNEL_TYPES): $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.linked.o,$(BPF_SOURCES))
	@mkdir -p $(@D)
	$(call say,TYPES,$@)set -e; for object in $^; do $(BPFTOOL) btf dump file $$object > $@.tmp; \
		sed -nE "s/^\[[0-9]+\] (STRUCT|UNION|ENUM|ENUM64|TYPEDEF) '([A-Za-z_0-9]+)'.*/\2/p" $@.tmp; \
		done | sed 's/___.*//; s/.*/"&",/' | sort -u > $@
	@rm -f $@.tmp; test -s $@

# The style and the script of the HTML report: as strings, without their licence lines, with the hashes that its
# Content-Security-Policy lets through.
HTML_ASSETS := $(BUILD)/skeleton/html_css.inc $(BUILD)/skeleton/html_js.inc
$(BUILD)/skeleton/html_%.inc: user/core/render/html.%
	@mkdir -p $(@D)
	$(call say,EMBED,$@)sed 1d $< > $@.tmp && { printf 'static const char html_$*[] =\n'; \
		sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $@.tmp; printf ';\nstatic const char html_$*_hash[] = "sha256-'; \
		sha256sum $@.tmp | cut -c1-64 | tr a-f A-F | basenc --base16 -d | base64 | tr -d '\n'; printf '";\n'; } > $@
	@rm -f $@.tmp
$(BUILD)/user/core/render/html_page.o: $(HTML_ASSETS)

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')

include tests/tests.mk
include tests/bench/bench.mk
include tests/vm/vm.mk

# --- for people: set up what is missing, then do it

.PHONY: setup setup-check setup-bench
setup:
	$(Q)scripts/setup.sh build
setup-check:
	$(Q)scripts/setup.sh check
setup-bench:
	$(Q)scripts/setup.sh bench

# As many compilers as there are CPUs, unless make was told otherwise.
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 1))

# Recursive, because pkg-config may be among what setup has just installed.
.PHONY: advise
advise: setup
	@$(MAKE) -q all >/dev/null 2>&1 || { echo 'tunescope: building' >&2; \
		$(MAKE) $(PARALLEL) --no-print-directory -s all >&2; }
	@$(BUILD)/tunescope advise $(ARGS)

.PHONY: check
check: setup-check
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory -s tests
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory -s SANITIZE=1 tests
	$(Q)scripts/run-tests.sh

.PHONY: bench
bench: setup-bench
	$(Q)$(MAKE) --no-print-directory -s run-bench

# --- installing

BINDIR  := $(PREFIX)/sbin
DATADIR := $(PREFIX)/share

.PHONY: install uninstall
install: all
	install -D -m 755 $(BUILD)/tunescope $(DESTDIR)$(BINDIR)/tunescope
	install -D -m 644 docs/tunescope.8 $(DESTDIR)$(DATADIR)/man/man8/tunescope.8
	install -D -m 644 contrib/tunescope.bash $(DESTDIR)$(DATADIR)/bash-completion/completions/tunescope
	install -d $(DESTDIR)$(DATADIR)/tunescope/profiles
	install -m 644 profiles/*.conf $(DESTDIR)$(DATADIR)/tunescope/profiles
	install -D -m 644 docs/report.schema.json $(DESTDIR)$(DATADIR)/tunescope/report.schema.json
	install -m 644 contrib/grafana-dashboard.json contrib/prometheus-scrape.yml $(DESTDIR)$(DATADIR)/tunescope
	install -D -m 644 docs/diff.schema.json $(DESTDIR)$(DATADIR)/tunescope/diff.schema.json
	install -D -m 644 docs/window.schema.json $(DESTDIR)$(DATADIR)/tunescope/window.schema.json

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/tunescope $(DESTDIR)$(DATADIR)/man/man8/tunescope.8
	rm -f $(DESTDIR)$(DATADIR)/bash-completion/completions/tunescope
	rm -rf $(DESTDIR)$(DATADIR)/tunescope

# --- keeping the house

FORMATTED = $(shell find bpf include user tests -name '*.[ch]')

# The pages that are made from the tables of rules, settings and signals. A test compares them.
.PHONY: docs
docs: all
	$(Q)set -e; for page in rules settings signals; do \
		$(BUILD)/tunescope explain --markdown $$page > docs/$$page.md.tmp; \
		mv docs/$$page.md.tmp docs/$$page.md; done
	$(Q)/usr/bin/python3 tests/vm/kernels_page.py >docs/kernels.md.tmp && mv docs/kernels.md.tmp docs/kernels.md

.PHONY: lint format
lint:
	$(Q)scripts/lint.sh $(FORMATTED)
format:
	$(Q)clang-format -i $(FORMATTED)

.PHONY: help
help:
	@echo 'sudo make advise [ARGS="--json"]  install what is missing, build, observe 10 s, report'
	@echo 'sudo make check                   the same set-up, then all tests'
	@echo 'sudo make check-vm [KERNELS=]     the tests on other kernels, under qemu'
	@echo 'sudo make record-vm [KERNELS=]    the same, and what was seen goes to docs/kernels.md'
	@echo 'sudo make check-arm64             the cross-built binary on an arm64 kernel, under qemu'
	@echo 'sudo make bench                   cost per event, beside an empty program and libbpf-tools'
	@echo 'make                              build build/tunescope (no root)'
	@echo 'make install PREFIX= DESTDIR=     binary, man page, profiles, completion'
	@echo 'make docs                         refresh docs/{rules,settings,signals}.md after changing a row'
	@echo 'make lint | format | clean'
	@echo 'V=1 shows commands, DEBUG=1 builds -O0 -g, SANITIZE=1 builds with ASan and UBSan'

.PHONY: clean
clean:
	$(Q)rm -rf build build-sanitize build-arm64
