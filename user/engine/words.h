/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does a label look made of words, or drawn at random? The labels of domain shadowing are (Talos 2015: about 23
 * random characters), and so are those of random-subdomain floods and tunnels.
 *
 * The measure is the weight of evidence (Good 1950) in bits: how much likelier the sequence of characters is under a
 * uniform draw than under the pairs of letters that words are made of. The pairs were counted in the words of six
 * languages and in the names of Debian's packages, see words_pairs.h. Evidence adds up over a label, so short labels
 * can never reach the threshold, whatever is in them: abbreviations such as "ftpbkp" do not.
 *
 * What is left out, since it says nothing either way:
 *
 *	numbers				"dhcp-client-17", "ip-10-2-3-4", "2001-db8--7", "20261122"
 *	hardware addresses		"001a2b3c4d5e", "sep001a2b3c4d5e", "00-1a-2b-3c-4d-5e"
 *	labels of RFC 8552 and what is
 *	below and above them		"_acme-challenge", "x4k2...._domainkey": keys and tokens belong there
 *	internationalized labels	"xn--..." (RFC 5890): their encoding looks random in any language
 *
 * A UUID elsewhere is random and counts: nothing tells that of a service from that of an attacker. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits of evidence from which on a label is called random: a million to one. */
#define ZW_WORDS_RANDOM_BITS 20

/* Evidence for a uniform draw in whole bits; negative when words are the likelier. @label has @len octets, without its
 * length octet, any case. */
int zw_words_evidence(const uint8_t *label, size_t len);

/* Whether some label of @owner below @apex (both in wire form) has @bits of evidence or more, ZW_WORDS_RANDOM_BITS
 * where nobody knows better. *@ret_label (optional) gets the length octet of the most random one. False when @owner is
 * not below @apex, or has a label that begins with an underscore. */
bool zw_words_name_is_random(
	const uint8_t *owner, const uint8_t *apex, int bits, const uint8_t **ret_label);
