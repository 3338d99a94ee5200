# SPDX-License-Identifier: GPL-2.0-only
# Guests: the binary and its tests on other kernels (kernels.conf, variants.conf).
#   make check-vm [KERNELS="5.10 no-psi trixie/linux-image-rt-amd64"]    without KERNELS: all of them
#   make record-vm                                                       the same, and docs/kernels.md anew
.PHONY: check-vm record-vm setup-vm
setup-vm:
	$(Q)scripts/setup.sh vm
check-vm: setup-vm
	$(Q)$(MAKE) --no-print-directory -s tests
	$(Q)BUILD=$(BUILD) tests/vm/check.sh $(KERNELS)
record-vm: setup-vm
	$(Q)$(MAKE) --no-print-directory -s tests
	$(Q)BUILD=$(BUILD) tests/vm/check.sh --record $(or $(KERNELS),$(shell awk '/^[^\#]/ { print $$1 }' tests/vm/kernels.conf))
	$(Q)$(MAKE) --no-print-directory -s docs
