# `include performance.mk`: make performance-baseline once, and after a change make performance-check.
# BENCH is what is measured; baselines are kept by name and class of machine in .tunescope/baselines.
TUNESCOPE ?= tunescope
BENCH     ?= ./bench-program
NAME      ?= bench
RUNS      ?= 5

.PHONY: performance-baseline performance-check
performance-baseline:
	rm -f performance.tsrec
	$(TUNESCOPE) run -n $(RUNS) -o performance.tsrec -- $(BENCH)
	$(TUNESCOPE) baseline add $(NAME) performance.tsrec

# Exit codes: 0 not worse, 1 worse, 4 cannot be told.
performance-check:
	$(TUNESCOPE) check --baseline $(NAME) -n $(RUNS) -- $(BENCH)
