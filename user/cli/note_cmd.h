/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How `ack` and `expect` get their requests carried out. */
#pragma once

#include "cli/history_cmd.h"
#include "cli/note.h"

struct zw_note_cmd {
	struct zw_history_cmd common;
	const char *socket; /* of the agent */
};

/* Asks the agent, or, where none runs or with --db, does it in the database. *@ret_answer as zw_note_carry_out() has it.
 * 0 or -errno, logged. */
int zw_note_send(const struct zw_note_cmd *cmd, struct zw_note *note, json_t **ret_answer);

/* Prints @answer as a line, for --json. 0 or -ENOMEM, logged. */
int zw_note_print_json(const json_t *answer);
