// SPDX-License-Identifier: GPL-2.0-only
/* The table of rules. Their order is that of the report's list; findings are ranked by harm. */
#include "../rule.h"

#define RULE(name) extern const struct ts_rule ts_rule_##name;
#include "rules_list.h"
#undef RULE

#define RULE(name) &ts_rule_##name,
const struct ts_rule *const ts_rules[] = {
#include "rules_list.h"
};
#undef RULE
const size_t ts_rules_count = sizeof ts_rules / sizeof ts_rules[0];
