# SPDX-License-Identifier: GPL-2.0-only
# Test programs: tests/unit/*.c and tests/rules/*.c are cmocka programs linked with the pure core only;
# tests/live/*.c also with the live part, and run as root.
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c tests/rules/test_*.c))
LIVE_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/live/test_*.c))

$(UNIT_TESTS): $(BUILD)/%: $(BUILD)/%.o $(CORE_LIB)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(CORE_LIB) -lcmocka $(shell $(PKG_CONFIG) --libs jansson inih zlib) -lm
$(filter $(BUILD)/tests/rules/% $(BUILD)/tests/unit/test_report $(BUILD)/tests/unit/test_objective,$(UNIT_TESTS)): $(BUILD)/tests/rules/fixture.o $(BUILD)/tests/rules/recorded.o
$(LIVE_TESTS): $(BUILD)/%: $(BUILD)/%.o $(LIVE_LIB) $(CORE_LIB)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ -lcmocka $(PKG_LIBS) -lm
$(LIVE_TESTS:%=%.o): | $(SKELETONS)

# BPF programs of a test or of the bench: tests/live/bpf/NAME.bpf.c gives NAME.skel.h. They are no
# part of the product and stay out of bpf/.
TEST_BPF_SOURCES := $(wildcard tests/live/bpf/*.bpf.c)
TEST_SKELETONS := $(patsubst tests/live/bpf/%.bpf.c,$(BUILD)/skeleton/%.skel.h,$(TEST_BPF_SOURCES))
$(BUILD)/tests/%.bpf.o: tests/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<
$(TEST_SKELETONS): $(BUILD)/skeleton/%.skel.h: $(BUILD)/tests/live/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name $*_bpf > $@
$(LIVE_TESTS:%=%.o): | $(TEST_SKELETONS)

.PHONY: tests
tests: all $(UNIT_TESTS) $(LIVE_TESTS)
