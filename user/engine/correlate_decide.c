/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what was seen to who put there what is there: by name, by marks with names, by marks alone, by place. */
#include "engine/correlate_scene.h"

/* What was told by name. When the last act says that it took the place of what was there at the last reading,
 * nobody else's was in between. */
static void decide_by_name(struct scene *sc)
{
	const struct zw_cause *c = sc->placed;
	uint64_t old_ino = sc->at.old ? sc->at.old->ino : 0;
	uint64_t first_ino = taken_ino(&sc->at, sc->first_placed);
	/* What was told from the other side may have been another exchange, of what had been here. */
	bool alone = sc->first_placed->time_ns == c->time_ns, told = !is_exchange(&sc->at, c);
	bool taken = c->op == ZW_FOP_RENAME && !c->blind && taken_ino(&sc->at, c) == old_ino &&
		     (alone || told);
	bool direct = sc->at.new ? taken : c->op == ZW_FOP_UNLINK;
	/* It may have been moved by another of its names, or when it had been moved before. */
	bool vague = !sc->at.new && c->op == ZW_FOP_RENAME && (c->nlink > 1 || sc->returned);
	bool vacant = !sc->at.old || sc->unlinked_ns;

	sc->final_ns = c->time_ns;
	ZW_VEC_FOREACH(t, &sc->trace)
		vacant |= t->away_ns != 0;
	sc->s->gap = !direct && sc->at.new && c->op == ZW_FOP_RENAME &&
		     (sc->unexplained || (first_ino && first_ino != old_ino));
	ZW_VEC_FOREACH(x, &sc->s->list) {
		const struct trace *t = trace_of(sc, x);

		x->decided = zw_actor_same_process(x->actor, c->actor) ||
			     (!direct && t->first_placed_ns &&
				     (!sc->at.new || t->first_placed_ns <= sc->final_ns)) ||
			     (vague && t->away_ns);
		/* It was removed again, and came back by what is not told by name. */
		x->decided |= sc->at.new && sc->unlinked_ns > sc->final_ns && t->dirent_ns &&
			      t->dirent_ns + ZW_COALESCE_NS >= sc->unlinked_ns;
		/* Something may have been put there again, and been taken away by another. */
		x->touched = !sc->at.new && t->entry_ns + ZW_COALESCE_NS > sc->final_ns;
		/* Or while there was nothing, which was replaced. */
		x->touched |= c->blind && vacant && t->dirent_ns && t->dirent_ns <= sc->final_ns;
	}
}

/* The same from marks alone. */
static bool decide_by_marks(struct scene *sc)
{
	const struct zw_cause *c =
		sc->at.new && !sc->unlinked_ns && !sc->moved ? sc->nameless : NULL;
	struct suspect *over = NULL;
	bool strayed = false;

	ZW_VEC_FOREACH(x, &sc->s->list) {
		struct trace *t = trace_of(sc, x);

		strayed |= t->moved_old;
		if (c && t->dirent_ns && !t->unlinked &&
			zw_actor_same_process(x->actor, c->actor)) {
			over = x;
			t->placed_ns = c->time_ns;
			x->evidence |= ZW_EVIDENCE_RENAME;
		}
	}
	ZW_VEC_FOREACH(x, &sc->s->list) {
		struct trace *t = trace_of(sc, x);

		if (x == over || !t->dirent_ns)
			continue;
		if (t->made_ns) {
			t->placed_ns = t->made_ns;
			x->evidence |= ZW_EVIDENCE_CREATE;
			x->role = ZW_ROLE_WRITER;
		} else if (t->moved_old && over) {
			/* It may have put the old one elsewhere, from where it went. */
			x->touched = true;
		} else if ((t->moved_ns || strayed) && over) {
			/* The old one may have been replaced elsewhere, when it had been moved there. Not while it was
			 * still where it was: there was no room for another. */
			x->touched = t->dirent_ns + ZW_COALESCE_NS >= sc->left_ns;
		} else if (t->moved_ns) {
			t->placed_ns = t->moved_ns;
			x->evidence |= ZW_EVIDENCE_RENAME;
		} else if (!sc->at.new && (t->left_ns || t->away_ns)) {
			t->placed_ns = t->dirent_ns;
			x->evidence |= ZW_EVIDENCE_RENAME;
		}
	}
	ZW_VEC_FOREACH(x, &sc->s->list) {
		const struct trace *t = trace_of(sc, x);

		x->decided = x->exact = t->placed_ns != 0;
		if (t->placed_ns > sc->final_ns)
			sc->final_ns = t->placed_ns;
	}
	return sc->final_ns != 0;
}

/* Whether @time_ns is not before something was last taken from the entry. */
static bool since_gone(const struct scene *sc, uint64_t time_ns)
{
	return time_ns && time_ns + ZW_COALESCE_NS >= sc->gone_ns;
}

/* Whether its last move of the new inode may have been one to the entry, which changes the directory. */
static bool came_here(const struct scene *sc, const struct trace *t)
{
	return sc->at.new &&since_gone(sc, t->came_ns) && t->dirent_ns &&
	       t->dirent_ns + ZW_COALESCE_NS >= t->came_ns;
}

/* From marks with names. What is there now came by the operation that took the last away, whose process then moved the
 * new inode too, or later; a file that was made there is known by who wrote it. When what was taken away last is not
 * what was there at the reading before, who put that there counts as well. */
static bool decide_by_entry(struct scene *sc)
{
	bool apart = false;

	ZW_VEC_FOREACH(x, &sc->s->list) {
		struct trace *t = trace_of(sc, x);

		if (!sc->at.new &&since_gone(sc, t->gone_ns)) {
			t->placed_ns = t->gone_ns;
		} else if (sc->at.new && t->dirent_ns && t->made_ns) {
			t->placed_ns = t->made_ns;
			x->evidence |= ZW_EVIDENCE_CREATE;
			x->role = ZW_ROLE_WRITER;
		} else if (came_here(sc, t)) {
			t->placed_ns = t->came_ns;
		}
		apart |= !t->placed_ns && since_gone(sc, t->gone_ns);
		if (t->placed_ns && !t->made_ns)
			x->evidence |= ZW_EVIDENCE_RENAME;
		if (t->placed_ns > sc->final_ns)
			sc->final_ns = t->placed_ns;
	}
	ZW_VEC_FOREACH(x, &sc->s->list) {
		const struct trace *t = trace_of(sc, x);
		bool own = since_gone(sc, t->gone_ns);

		x->exact = t->placed_ns != 0;
		x->decided = sc->final_ns ? x->exact : own || since_gone(sc, t->entry_ns);
		x->decided |= sc->at.new && !sc->direct && (t->gone_ns || t->came_ns);
		x->decided |= sc->aliased && since_gone(sc, t->dirent_ns);
		x->touched |= own || (sc->at.new && !sc->direct && t->dirent_ns);
		/* What is there came after it was gone, perhaps by way of elsewhere. */
		x->touched |= apart && since_gone(sc, t->dirent_ns);
	}
	return sc->final_ns != 0;
}

/* Whether its last act on the directory was late enough for that: before the old inode was touched, which taking it away
 * does, there was no room for another. It may have touched it itself, some time after the directory. */
static bool had_room(const struct scene *sc, const struct trace *t)
{
	return t->entry_ns && (t->entry_ns + ZW_COALESCE_NS >= sc->left_ns || t->left_ns);
}

/* Nobody was seen doing it: everybody who changed the directory may have, else everybody who was near. */
static void decide_by_place(struct scene *sc)
{
	bool entry = false;

	ZW_VEC_FOREACH(t, &sc->trace)
		entry |= had_room(sc, t);
	ZW_VEC_FOREACH(x, &sc->s->list)
		x->decided = entry ? had_room(sc, trace_of(sc, x)) : trace_of(sc, x)->near;
}

bool zw_scene_decide(struct scene *sc)
{
	if (sc->placed) {
		decide_by_name(sc);
		return false;
	}
	if (sc->gone_ns)
		return decide_by_entry(sc);
	if (decide_by_marks(sc))
		return true;
	decide_by_place(sc);
	return false;
}

/* Who the marks say was last. */
static const struct suspect *author_by_marks(struct scene *sc)
{
	ZW_VEC_FOREACH(x, &sc->s->list)
		if (trace_of(sc, x)->placed_ns == sc->final_ns)
			return x;
	return NULL;
}

/* By marks alone, one who changed the directory after the last replacement that is known may have replaced again;
 * so may one who did before the new file was written under its name. It leaves a doubt, and counts when the new
 * content is its own. Not so when whoever was seen replacing, or else making it, also wrote all of it; a file that was
 * not empty when its making was seen may have come from elsewhere with what others wrote. */
void zw_scene_doubt(struct scene *sc)
{
	const struct suspect *author = author_by_marks(sc);
	/* Then what came before may count as well. */
	bool any = !sc->at.new || trace_of(sc, author)->made_ns == sc->final_ns;
	bool own = author->wrote && (!any || sc->was_empty);
	const struct zw_reading *file = &sc->f->after;
	int64_t final_ns = (int64_t)sc->final_ns + sc->in->real_offset_ns;

	/* What was moved there was touched since: moved away and back, perhaps written to where nobody looks. */
	if (!any && !sc->gone_ns && file->present)
		own &= file->ctime_ns <= (uint64_t)final_ns;
	ZW_VEC_FOREACH(x, &sc->s->list)
		own &= x == author || !x->wrote;
	if (own)
		return;
	ZW_VEC_FOREACH(x, &sc->s->list) {
		const struct trace *t = trace_of(sc, x);

		if (x->decided || !t->dirent_ns || !since_gone(sc, t->dirent_ns) ||
			(!any && t->dirent_ns + ZW_COALESCE_NS < sc->final_ns))
			continue;
		x->touched = true;
		x->decided = x->wrote;
	}
}
