/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/status.h"

#include "event/event.h"

json_t *zw_status_hooks(const struct zw_probe *probe)
{
	json_t *capabilities = json_array(), *hooks = json_array();
	const struct zw_hook_status *hook;
	size_t n;

	for (int c = 0; c < _ZW_CAP_MAX; c++) {
		enum zw_tier tier;
		bool served = zw_probe_tier(probe, c, &tier);

		json_array_append_new(
			capabilities, json_pack("{s:s, s:s?}", "name", zw_capability_to_string(c),
					      "tier", served ? zw_tier_to_string(tier) : NULL));
	}
	hook = zw_probe_hooks(probe, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			hooks, json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "hook",
				       zw_hook_to_string(hook[i].program->hook), "capability",
				       zw_capability_to_string(hook[i].program->capability), "tier",
				       zw_tier_to_string(hook[i].program->tier), "state",
				       zw_hook_state_to_string(hook[i].state), "ext4_only",
				       hook[i].program->ext4, "reason", hook[i].reason));
	return json_pack("{s:o, s:o}", "capabilities", capabilities, "hooks", hooks);
}
