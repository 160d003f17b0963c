/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that are printed for a person to paste into a shell, with words that an attacker may have chosen. */
#pragma once

#include "base/str.h"

/* Appends @word so that bash(1) reads it as this one word, whatever is in it, and no terminal obeys it. What holds no
 * control character and nothing beyond ASCII any POSIX shell reads so. */
void zw_shell_add_word(struct zw_str *out, const char *word);
