/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the correlate_*.c files that explain another inode: what is seen of each process, what is decided of it. */
#pragma once

#include <linux/stat.h>

#include "engine/correlate_impl.h"

/* The level at which the path began to lead elsewhere. */
struct parting {
	const struct zw_place *dir; /* directory whose entry differs; NULL at the root */
	const struct zw_place *old; /* what was there; NULL: nothing */
	const struct zw_place *new; /* what is; NULL: nothing */
	uint32_t old_generation, new_generation;
	uint32_t name_hash; /* of the entry; 0: not known */
	bool mounted;       /* a file system boundary moved: no entry of a directory did that */
	bool copied;        /* a directory there or above may only have been copied up */
};

/* What one suspect did, beyond what every correlation keeps of it. Times are of its last such act; 0: none. */
struct trace {
	uint64_t dirent_ns;       /* changed an entry of the directory */
	uint64_t placed_ns;       /* made the entry lead elsewhere */
	uint64_t first_placed_ns; /* the same, the first time */
	uint64_t moved_ns;        /* touched the attributes of the new inode */
	uint64_t made_ns;         /* wrote the new inode under its present name */
	uint64_t left_ns;         /* touched the attributes of the old inode */
	uint64_t gone_ns;         /* took something from the entry, or linked to it from there */
	uint64_t away_ns;  /* moved something, which is not told, from the directory to another */
	uint64_t came_ns;  /* moved the new inode, or linked to it, from another entry */
	uint64_t entry_ns; /* any of these, or another act on entries of the directory */
	bool near;         /* acted on the directory, the old or the new inode */
	bool moved_old;    /* moved the old inode, linked to it, or changed its attributes */
	bool unlinked;     /* removed a name of the old inode, which is no rename over it */
};

/* When something was taken from the entry, or linked to from there. 0: never. */
struct going {
	uint64_t named_ns; /* last told by the name of the entry */
	uint64_t maybe_ns; /* first told without a name */
	uint64_t other_ns; /* last told without a name, of another inode than the old one */
	bool named_old;    /* by name it was last the old one */
};

struct scene {
	const struct zw_correlate_input *in;
	const struct zw_correlate_file *f;
	struct parting at;
	struct suspects *s;
	ZW_VEC(struct trace) trace;    /* of the suspect with the same number */
	const struct zw_cause *placed; /* the act that put there what is there, told by name */
	const struct zw_cause *first_placed; /* the first such act, whatever it put there */
	const struct zw_cause *nameless;     /* the first that saw the old inode without any name */
	struct zw_map *visits; /* inodes that were there, as acts by name tell -> since when */
	struct going going;
	/* 0: never, or not known */
	uint64_t unlinked_ns; /* the entry was last removed explicitly */
	uint64_t left_ns;     /* the old inode was first touched */
	uint64_t gone_ns;     /* from then on something may have been put there */
	uint64_t final_ns;    /* the entry began to lead where it does */
	bool moved;           /* the old inode was moved from the entry, as told by name */
	bool returned;        /* the old inode came back to the directory: it had left it before */
	bool direct;          /* what was taken from there last was the old inode */
	bool unexplained; /* something was replaced there that nobody was told of putting there */
	bool aliased;     /* the new inode had several names when moved: was there, perhaps */
	bool was_empty;   /* before the first write to the new inode that was seen */
};

/* correlate_seen.c: what each process was seen doing. 0 or -ENOMEM. */

/* Finds the level at which the path parts from what it was. @through: directories that may have been copied up are the
 * same. */
void zw_scene_part(struct scene *sc, bool through);
/* The suspect that @c is of, with a trace; NULL: no memory. Valid until the next call. */
struct suspect *zw_scene_enter(struct scene *sc, const struct zw_cause *c);
/* Looks at everything known of the inodes at the parting. */
int zw_scene_gather(struct scene *sc);

/* From when on the inode was at the entry for a while; 1: not known; 0: it was not. */
uint64_t zw_scene_visited_ns(const struct scene *sc, uint64_t ino);
void zw_scene_done(struct scene *sc);

/* correlate_content.c: who wrote the bytes */

/* What is there now: beforehand, which is preparing it, or when it was there already. 0 or -ENOMEM. */
int zw_scene_new_content(struct scene *sc);
/* What was there, in the window, until it was replaced: the new content may be made from that. 0 or -ENOMEM. */
int zw_scene_old_content(struct scene *sc);

/* correlate_decide.c: who put it there */

/* True when there were only marks to go by. */
bool zw_scene_decide(struct scene *sc);
/* Then, when who wrote what is known. */
void zw_scene_doubt(struct scene *sc);

static inline bool is_inode(const struct zw_place *p, const struct zw_cause *c, uint64_t ino)
{
	return p && ino && p->dev == c->dev && p->ino == ino;
}

/* A number that was a file's may be a directory's now, whose generation is not known. */
static inline bool is_kind(const struct zw_place *p, const struct zw_cause *c)
{
	return !c->mode || S_ISDIR(c->mode) == (p->kind == ZW_PLACE_DIR);
}

static inline bool is_old(const struct parting *at, const struct zw_cause *c)
{
	return is_inode(at->old, c, c->ino) && is_kind(at->old, c) &&
	       zw_same_generation(c->generation, at->old_generation);
}

static inline bool is_new(const struct parting *at, const struct zw_cause *c)
{
	return is_inode(at->new, c, c->ino) && is_kind(at->new, c) &&
	       zw_same_generation(c->generation, at->new_generation);
}

/* The event names the entry of @dir with this hash of its name. Without a name it may. */
static inline bool is_entry(
	const struct zw_place *dir, uint32_t name_hash, const struct zw_cause *c)
{
	return is_inode(dir, c, c->dir_ino) &&
	       (!c->name || !name_hash || zw_place_name_hash(c->name) == name_hash);
}

static inline bool at_entry(const struct parting *at, const struct zw_cause *c)
{
	return is_entry(at->dir, at->name_hash, c);
}

/* The same, and nothing is left to guess. */
static inline bool named_entry(const struct parting *at, const struct zw_cause *c)
{
	return c->name && at->name_hash && at_entry(at, c);
}

/* Perhaps an exchange, told once: something was where it went. Directories tell of both sides, and not of that. */
static inline bool may_exchange(const struct zw_cause *c)
{
	return c->op == ZW_FOP_RENAME && c->ino2 && c->hook != ZW_HOOK_TP_NOTIFY;
}

/* An exchange told once, from the other side. */
static inline bool is_exchange(const struct parting *at, const struct zw_cause *c)
{
	return may_exchange(c) && is_inode(at->new, c, c->ino2) &&
	       is_inode(at->dir, c, c->old_dir_ino);
}

/* What it took from the entry; 0: nothing, or not known. */
static inline uint64_t taken_ino(const struct parting *at, const struct zw_cause *c)
{
	return is_exchange(at, c) ? c->ino : c->ino2;
}

/* So much later than it was done what put there what is there may have been told. */
static inline uint64_t placed_late_ns(const struct scene *sc)
{
	return sc->placed && sc->placed->hook == ZW_HOOK_TP_NOTIFY ? ZW_LATE_MAX_NS : 0;
}

static inline struct trace *trace_of(struct scene *sc, const struct suspect *x)
{
	return &sc->trace.items[x - sc->s->list.items];
}
