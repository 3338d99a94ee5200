# SPDX-License-Identifier: GPL-2.0-only
# Test programs: tests/unit/*.c and tests/rules/*.c are cmocka programs linked with the pure core only;
# tests/live/*.c also with the live part, and run as root.
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c tests/rules/test_*.c))
LIVE_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/live/test_*.c))

$(UNIT_TESTS): $(BUILD)/%: $(BUILD)/%.o $(CORE_LIB)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ -lcmocka $(shell $(PKG_CONFIG) --libs jansson inih) -lm
$(LIVE_TESTS): $(BUILD)/%: $(BUILD)/%.o $(LIVE_LIB) $(CORE_LIB)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ -lcmocka $(PKG_LIBS) -lm
$(LIVE_TESTS:%=%.o): | $(SKELETONS)

.PHONY: tests
tests: all $(UNIT_TESTS) $(LIVE_TESTS)
