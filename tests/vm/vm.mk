# SPDX-License-Identifier: GPL-2.0-only
# Guests: the binary and its tests on other kernels (kernels.conf, scenarios.conf).
#   make check-vm [KERNELS="5.10 no-psi no-psi@7 trixie/linux-image-rt-amd64"]    without KERNELS: all of them
#   make record-vm                                                       the same, and docs/kernels.md anew
# Any kernel of Debian or Ubuntu may be named as SUITE/PACKAGE. In the environment: CHECKS=doctor,counts (only those),
# JOBS=2 (guests at a time), LIMIT=3000 (seconds a guest may take).
.PHONY: check-vm record-vm setup-vm
setup-vm:
	$(Q)scripts/setup.sh vm
check-vm: setup-vm
	$(Q)$(MAKE) --no-print-directory -s tests
	$(Q)BUILD=$(BUILD) tests/vm/check.sh $(KERNELS)
record-vm: setup-vm
	$(Q)$(MAKE) --no-print-directory -s tests
	$(Q)BUILD=$(BUILD) tests/vm/check.sh --record $(KERNELS)
	$(Q)$(MAKE) --no-print-directory -s docs

# arm64: objects against that kernel's types, the binary cross-built and run under qemu-system-aarch64.
.PHONY: check-arm64 setup-arm64
setup-arm64:
	$(Q)scripts/setup.sh arm64
check-arm64: setup-arm64
	$(Q)$(MAKE) --no-print-directory -s all $(BUILD)/tests/vm/relocate
	$(Q)tests/vm/arm64.sh $(BUILD)-arm64

$(BUILD)/tests/vm/relocate: $(BUILD)/tests/vm/relocate.o
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
tests: $(BUILD)/tests/vm/relocate
