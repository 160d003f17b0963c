/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/correlate_impl.h"

#include <errno.h>

static bool file_replaced(const struct zw_correlate_file *f)
{
	const struct zw_place *a = zw_file_place(&f->before), *b = zw_file_place(&f->after);

	return !a || !b || a->dev != b->dev || a->ino != b->ino || a->mnt_id != b->mnt_id ||
	       !zw_same_generation(f->before.generation, f->after.generation);
}

static bool is_server(const struct zw_correlate_input *in, const struct zw_actor *a)
{
	if (!in->server_pid)
		return false;
	if (a->tgid == in->server_pid)
		return true;
	return a->exe_ino && a->exe_ino == in->server_exe_ino && a->exe_dev == in->server_exe_dev;
}

static bool any_decided(const struct suspects *s)
{
	ZW_VEC_FOREACH(x, &s->list)
		if (x->decided)
			return true;
	return false;
}

/* Holders count when nobody else is known. Those that have it mapped leave a doubt in any case: what they
 * store into a page that is dirty already is invisible. */
static int add_holders(const struct zw_correlate_input *in, struct suspects *s)
{
	bool anybody = any_decided(s);

	for (size_t i = 0; i < in->holders; i++) {
		const struct zw_correlate_holder *h = &in->holder[i];
		struct suspect *x;

		if (!h->mapped && anybody)
			continue;
		x = zw_suspect_of(s, h->actor);
		if (!x)
			return -ENOMEM;
		x->evidence |= h->mapped ? ZW_EVIDENCE_MAPPING : ZW_EVIDENCE_HELD_OPEN;
		x->touched = true;
		x->decided |= !anybody;
		if (!x->last_ns)
			x->first_ns = x->last_ns = in->to_ns;
	}
	return 0;
}

static int append_cause(
	const struct zw_correlate_input *in, const struct suspect *x, struct zw_report *report)
{
	struct zw_report_cause *grown =
		reallocarray(report->cause, report->causes + 1, sizeof(*report->cause));

	if (!grown)
		return -ENOMEM;
	report->cause = grown;
	report->cause[report->causes++] = (struct zw_report_cause){
		.role = is_server(in, x->actor) ? ZW_ROLE_SERVER : x->role,
		.channel = ZW_CHANNEL_FILE,
		.evidence = x->evidence,
		.first_ns = (uint64_t)((int64_t)x->first_ns + in->real_offset_ns),
		.last_ns = (uint64_t)((int64_t)x->last_ns + in->real_offset_ns),
		.actor = zw_actor_ref(x->actor),
	};
	return 0;
}

/* Why the only one may not be it after all; NULL: it is certain. */
static const char *weakness(const struct suspects *s, const struct suspect *one, bool incomplete)
{
	if (incomplete)
		return "events were lost in this time, another process may have acted too";
	if (one->actor->kthread)
		return "a kernel thread wrote for somebody it does not name";
	if (s->gap)
		return "what it replaced was not what was there at the reading before, "
		       "and nobody was seen putting that there";
	if (s->only_gone)
		return "it was gone when the zone was last seen as it had been, but nobody else is known";
	if (s->gone)
		return "another process that wrote shortly before was gone when the zone was last seen "
		       "as it had been, and is not taken for the cause";
	if (s->unwatched)
		return "the file was touched, or removed, when the way to it had just begun to lead there, "
		       "which another process may have done unseen";
	return NULL;
}

static int attribute(
	const struct zw_correlate_input *in, const struct suspects *s, struct zw_report *report)
{
	bool incomplete = in->lost || zw_cause_book_incomplete_until(in->book) > in->from_ns;
	const struct suspect *one = NULL, *doubt = NULL;
	const char *weak;
	size_t decided = 0;

	ZW_VEC_FOREACH(x, &s->list)
		if (x->decided) {
			decided++;
			one = x;
		} else if (x->touched) {
			doubt = x;
		}
	report->has_principal = decided == 1;
	if (decided == 0) {
		report->attribution = ZW_ATTRIBUTION_NONE;
		return incomplete
			       ? zw_report_add_reason(report,
					 "events were lost in this time, among them perhaps the cause")
			       : 0;
	}
	if (decided > 1) {
		report->attribution = ZW_ATTRIBUTION_AMBIGUOUS;
		return zw_report_add_reason(report,
			"%zu processes could have made this change between two readings", decided);
	}
	report->attribution = ZW_ATTRIBUTION_PROBABLE;
	weak = weakness(s, one, incomplete);
	if (weak)
		return zw_report_add_reason(report, "%s", weak);
	if (doubt)
		return zw_report_add_reason(report,
			"process %u touched the file at the same time, in a way that can hide a write",
			doubt->actor->tgid);
	/* Near but not seen doing it: certain only when nobody else was near, and that is so here; for a file
	 * written in place it takes a write. */
	if (!one->exact && !(one->evidence & (ZW_EVIDENCE_DIRENT | ZW_EVIDENCE_RENAME)))
		return zw_report_add_reason(
			report, "no write was seen, only a process that could have written");
	report->attribution = ZW_ATTRIBUTION_CERTAIN;
	return 0;
}

/* Each file is explained by itself: a process can have replaced one and prepared another. */
static int correlate_file(
	const struct zw_correlate_input *in, const struct zw_correlate_file *f, struct suspects *s)
{
	_zw_suspects_ struct suspects mine = {};
	int r = file_replaced(f) ? zw_correlate_replaced(in, f, &mine)
				 : zw_correlate_written(in, f, &mine);

	return r < 0 ? r : zw_suspects_merge(s, &mine);
}

static int correlate_files(const struct zw_correlate_input *in, struct suspects *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->files; i++)
		r = correlate_file(in, &in->file[i], s);
	return r;
}

/* Whoever was gone when it was last seen as it was counts only when there is nobody else: what a process left half-done can
 * come to show by others' doing. */
static int find_suspects(const struct zw_correlate_input *in, struct suspects *s)
{
	struct zw_correlate_input all = *in;
	int r = correlate_files(in, s);

	if (r < 0 || !s->gone || any_decided(s))
		return r;
	zw_suspects_done(s);
	*s = (struct suspects){.only_gone = true};
	all.gone_ns = NULL;
	return correlate_files(&all, s);
}

int zw_correlate(const struct zw_correlate_input *in, struct zw_report *report)
{
	_zw_suspects_ struct suspects s = {};
	uint64_t last = 0;
	int r = find_suspects(in, &s);

	if (r == 0)
		r = add_holders(in, &s);
	if (r == 0)
		r = attribute(in, &s, report);
	/* Those who decided first, then those who prepared or leave a doubt. */
	for (int decided = 1; r == 0 && decided >= 0; decided--)
		ZW_VEC_FOREACH(x, &s.list) {
			if (r < 0 || x->decided != decided)
				continue;
			if (!decided && !x->wrote && !x->touched)
				continue;
			r = append_cause(in, x, report);
			if (decided && x->last_ns > last)
				last = x->last_ns;
		}
	if (r < 0)
		return r;
	report->channel = report->causes ? ZW_CHANNEL_FILE : ZW_CHANNEL_UNKNOWN;
	report->time_ns = (uint64_t)((int64_t)(last ? last : in->to_ns) + in->real_offset_ns);
	return 0;
}
