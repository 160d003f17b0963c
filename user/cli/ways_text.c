/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts OLD and NEW of each kind of content. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/ways_internal.h"

/* RFC 1035 section 2.3.4, as text without escapes. */
#define NAME_MAX_TEXT 253
/* Longest dotted quad and longest serial: fields are padded to these, so lengths never differ. */
#define ADDRESS_WIDTH 15
#define SERIAL_WIDTH 10
/* A line more or less at the end of the file. */
#define LINE_MAX_TEXT 64

/* "example.test" for both "example.test" and "example.test.", to be followed by a dot. */
static int origin_len(const char *origin, int *ret_len)
{
	size_t len = strlen(origin);

	if (len > 0 && origin[len - 1] == '.')
		len--;
	if (len == 0 || len > NAME_MAX_TEXT)
		return -EINVAL;
	*ret_len = (int)len;
	return 0;
}

/* Fills the rest of a block with a comment, byte @last coming at its very end. */
static void pad_block(char *block, size_t used, char last)
{
	memset(block + used, '-', ZW_WAY_BLOCK - used);
	block[used] = ';';
	block[ZW_WAY_BLOCK - 1] = last;
}

int zw_way_zone_text(
	const char *origin, uint32_t serial, const char *address, struct zw_way_text *ret_text)
{
	_zw_free_ char *block = NULL;
	int len, n, r;

	r = origin_len(origin, &len);
	if (r < 0)
		return r;
	if (strlen(address) > ADDRESS_WIDTH)
		return -EINVAL;
	block = malloc(ZW_WAY_BLOCK + 1);
	if (!block)
		return -ENOMEM;
	n = snprintf(block, ZW_WAY_BLOCK,
		"$ORIGIN %.*s.\n"
		"$TTL 3600\n"
		"@\tIN SOA ns1 hostmaster ( %-*u 3600 600 86400 300 )\n"
		"@\tIN NS ns1\n"
		"ns1\tIN A 192.0.2.53\n"
		"mail\tIN AAAA 2001:db8::25\n" ZW_WAY_OWNER "\tIN A %-*s ; the web server\n",
		len, origin, SERIAL_WIDTH, serial, ADDRESS_WIDTH, address);
	if (n < 0 || n > ZW_WAY_BLOCK - 2)
		return -EINVAL;
	pad_block(block, (size_t)n, '\n');
	block[ZW_WAY_BLOCK] = '\0';
	ret_text->data = ZW_TAKE(block);
	ret_text->len = ZW_WAY_BLOCK;
	return 0;
}

/* @text and an A record of www after it. */
static int with_line(
	const struct zw_way_text *text, const char *address, struct zw_way_text *ret_text)
{
	size_t size = text->len + LINE_MAX_TEXT;
	char *data;
	int n;

	data = malloc(size);
	if (!data)
		return -ENOMEM;
	memcpy(data, text->data, text->len);
	n = snprintf(data + text->len, size - text->len, ZW_WAY_OWNER "\tIN A %s\n", address);
	if (n < 0 || (size_t)n >= size - text->len) {
		free(data);
		return -EINVAL;
	}
	ret_text->data = data;
	ret_text->len = text->len + (size_t)n;
	return 0;
}

/* Three blocks that parse as the old zone whole, and as the new zone when the second is gone or all
 * zero. A comment leads into the second block and one out of it, so that:
 *
 *	old: SOA ( ; | 1 .. )  www A old  @ TXT ( ; | 2 .. )  @ TXT 2 ..  www A new
 *	new: SOA ( ; |                              | 2 .. )  @ TXT 2 ..  www A new
 *
 * The TXT record that the old text begins in block two says what the one in block three does, and a
 * record given twice is one record.
 */
static int three_blocks(const struct zw_way_ctx *ctx, int len, struct zw_way_text *ret_text)
{
	_zw_free_ char *data = NULL;
	char *block;
	int n;

	data = malloc(3 * ZW_WAY_BLOCK);
	if (!data)
		return -ENOMEM;
	block = data;
	n = snprintf(block, ZW_WAY_BLOCK, "$ORIGIN %.*s.\n$TTL 3600\n@\tIN SOA ns1 hostmaster ( ",
		len, ctx->origin);
	pad_block(block, (size_t)n, '-');
	block += ZW_WAY_BLOCK;
	n = snprintf(block, ZW_WAY_BLOCK,
		"\n1 3600 600 86400 300 )\n" ZW_WAY_OWNER "\tIN A %s\n@\tIN TXT ( ",
		ZW_WAY_OLD_ADDRESS);
	pad_block(block, (size_t)n, '-');
	block += ZW_WAY_BLOCK;
	n = snprintf(block, ZW_WAY_BLOCK,
		"\n2 3600 600 86400 300 )\n@\tIN NS ns1\n@\tIN TXT 2 3600 600 86400 300\n"
		"ns1\tIN A 192.0.2.53\n" ZW_WAY_OWNER "\tIN A %s\n",
		ctx->address);
	pad_block(block, (size_t)n, '\n');
	ret_text->data = ZW_TAKE(data);
	ret_text->len = 3 * ZW_WAY_BLOCK;
	return 0;
}

static int without_middle(
	const struct zw_way_text *text, enum zw_way_content content, struct zw_way_text *ret_text)
{
	size_t len = content == ZW_WAY_COLLAPSE ? 2 * ZW_WAY_BLOCK : 3 * ZW_WAY_BLOCK;
	char *data;

	data = calloc(1, len);
	if (!data)
		return -ENOMEM;
	memcpy(data, text->data, ZW_WAY_BLOCK);
	memcpy(data + len - ZW_WAY_BLOCK, text->data + 2 * ZW_WAY_BLOCK, ZW_WAY_BLOCK);
	ret_text->data = data;
	ret_text->len = len;
	return 0;
}

static int block_texts(struct zw_way_ctx *ctx, enum zw_way_content content)
{
	int len, r;

	r = origin_len(ctx->origin, &len);
	if (r < 0)
		return r;
	if (strlen(ctx->address) > ADDRESS_WIDTH)
		return -EINVAL;
	r = three_blocks(ctx, len, &ctx->old_text);
	if (r < 0)
		return r;
	return without_middle(&ctx->old_text, content, &ctx->new_text);
}

/* On failure the texts may be half made; the caller releases the context. */
int zw_way_texts(struct zw_way_ctx *ctx)
{
	const char *old = ZW_WAY_OLD_ADDRESS, *new = ctx->address;
	struct zw_way_expect *e = &ctx->expect;
	int r;

	*e = (struct zw_way_expect){.serial_before = 1, .serial_after = 1};
	switch (ctx->way->content) {
	case ZW_WAY_REPLACE:
		*e = (struct zw_way_expect){{old}, {new}, 1, 2};
		r = zw_way_zone_text(ctx->origin, 1, old, &ctx->old_text);
		return r < 0 ? r : zw_way_zone_text(ctx->origin, 2, new, &ctx->new_text);
	case ZW_WAY_ADD:
		*e = (struct zw_way_expect){{old}, {old, new}, 1, 1};
		r = zw_way_zone_text(ctx->origin, 1, old, &ctx->old_text);
		return r < 0 ? r : with_line(&ctx->old_text, new, &ctx->new_text);
	case ZW_WAY_CUT:
		*e = (struct zw_way_expect){{old, new}, {new}, 1, 1};
		r = zw_way_zone_text(ctx->origin, 1, new, &ctx->new_text);
		return r < 0 ? r : with_line(&ctx->new_text, old, &ctx->old_text);
	case ZW_WAY_COLLAPSE:
	case ZW_WAY_BLANK:
		*e = (struct zw_way_expect){{old, new}, {new}, 1, 2};
		return block_texts(ctx, ctx->way->content);
	}
	return -EINVAL;
}
