# SPDX-License-Identifier: GPL-2.0-only
# `make bench` (which sets up what is missing first) ends here: BENCH_SECONDS=10 for a short one.
BENCH_SOURCES := $(wildcard tests/bench/*.c)
BENCH_PROGRAM := $(BUILD)/tests/bench/bench

BENCH_WRAPPED := ts_probe_load ts_sources ts_netns_refresh ts_settings_snapshot ts_host_snapshot

# The bench gets hold of tunescope's own programs, set up by tunescope's own code (see variant.c, own.c).
$(BENCH_PROGRAM): $(call object,$(BENCH_SOURCES)) $(LIVE_LIB) $(CORE_LIB)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) $(BENCH_WRAPPED:%=-Wl,--wrap=%) -o $@ $^ $(PKG_LIBS) -lm

.PHONY: run-bench
run-bench: $(BENCH_PROGRAM) $(BUILD)/tunescope
	$(Q)BENCH_BINARY=$(BUILD)/tunescope $(BENCH_PROGRAM)
