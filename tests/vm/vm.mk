# SPDX-License-Identifier: GPL-2.0-only
# Guests: the binary and its tests on other kernels (tests/vm/README.md).
KERNELS ?= $(shell awk '/^[^\#]/ { print $$1 }' tests/vm/kernels.conf)

.PHONY: check-vm setup-vm
setup-vm:
	$(Q)scripts/setup.sh vm
check-vm: setup-vm
	$(Q)$(MAKE) --no-print-directory -s tests
	$(Q)tests/vm/check.sh $(KERNELS)
