/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scope-bound ownership: a reader proves from one function alone that nothing leaks.
 *
 *	_zw_free_ char *name = NULL;		freed when the scope ends
 *	*ret_name = ZW_TAKE(name);		ownership moved out, local set to NULL
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _zw_cleanup_(fn) __attribute__((cleanup(fn)))
#define _zw_unused_ __attribute__((unused))
#define _zw_printf_(fmt, args) __attribute__((format(printf, fmt, args)))

/* Moves a pointer out of an owning variable. */
#define ZW_TAKE(ptr)                                \
	({                                          \
		__typeof__(ptr) *_zw_src = &(ptr);  \
		__typeof__(ptr) _zw_val = *_zw_src; \
		*_zw_src = NULL;                    \
		_zw_val;                            \
	})

/* The same for a file descriptor, which is invalid at -1. */
#define ZW_TAKE_FD(fd)                  \
	({                              \
		int *_zw_src = &(fd);   \
		int _zw_val = *_zw_src; \
		*_zw_src = -1;          \
		_zw_val;                \
	})

/* Defines fn##p(), which calls fn() on the pointer a variable holds, for _zw_cleanup_(). */
#define ZW_DEFINE_CLEANUP(type, fn)       \
	static inline void fn##p(type *p) \
	{                                 \
		if (*p)                   \
			fn(*p);           \
	}                                 \
	struct zw_semicolon_eater

static inline void zw_freep(void *p)
{
	free(*(void **)p);
}

static inline void zw_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void zw_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void zw_closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define _zw_free_ _zw_cleanup_(zw_freep)
#define _zw_close_ _zw_cleanup_(zw_closep)
#define _zw_fclose_ _zw_cleanup_(zw_fclosep)
#define _zw_closedir_ _zw_cleanup_(zw_closedirp)

#define ZW_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ZW_CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
