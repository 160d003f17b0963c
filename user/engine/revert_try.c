/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether updates lead where they are to lead, by the rules that servers go by. */
#include "engine/revert.h"

#include <errno.h>

#include "dns/name.h"
#include "zone/update.h"

static int refuse_update(const uint8_t *owner, uint16_t type, struct zw_revert_refusal *refusal)
{
	char name[ZW_NAME_TEXT_MAX], text[ZW_TYPE_TEXT_MAX];

	zw_name_to_text(owner, name);
	zw_str_addf(&refusal->why, "no update puts %s %s back; use another format", name,
		zw_type_to_text(type, text));
	return -EOPNOTSUPP;
}

static int try_soa(const struct zw_revert *v, struct zw_draft *d, struct zw_revert_refusal *refusal)
{
	const struct zw_draft_set *soa;
	struct zw_draft_name *name;
	int r = zw_draft_open(d, zw_snapshot_origin(v->present), &name);

	if (r < 0 || !v->soa_differs)
		return r;
	soa = zw_draft_find(name, ZW_TYPE_SOA);
	if (soa && soa->count == 1 && soa->rr[0].ttl == v->soa_ttl &&
		zw_rdata_cmp(soa->rr[0].rdata, soa->rr[0].len, v->soa, v->soa_len) == 0)
		return 0;
	return refuse_update(zw_snapshot_origin(v->present), ZW_TYPE_SOA, refusal);
}

int zw_revert_try(const struct zw_revert *v, const zw_revert_messages *messages,
	struct zw_revert_refusal *refusal)
{
	_zw_draft_ struct zw_draft *d = NULL;
	struct zw_draft_name *name;
	int r = zw_draft_new(v->present, &d);

	ZW_VEC_FOREACH(m, messages) {
		if (r == 0)
			r = zw_update_check(d, *m);
		if (r > 0)
			return refuse_update((*m)->rr[0].owner, (*m)->rr[0].type, refusal);
		if (r == 0)
			r = zw_update_run(d, *m);
	}
	ZW_VEC_FOREACH(set, &v->sets) {
		if (r == 0)
			r = zw_draft_open(d, set->owner, &name);
		if (r < 0)
			break;
		if (!zw_draft_set_equal(zw_draft_find(name, set->type), &set->want))
			return refuse_update(set->owner, set->type, refusal);
	}
	return r < 0 ? r : try_soa(v, d, refusal);
}
