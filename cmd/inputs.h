/* The inputs of a job as they are named on the command line: files, standard input, or references
 * of objects that are there already; and their way to the node.
 *
 * Owns the open files. What goes wrong is said here, with an exit code. Called by run.c and
 * flow_files.c, in this order: open, find, put, made; close at any time. map_run.c and flow_fan.c
 * ask only what is a reference. */
#ifndef VELUM_CMD_INPUTS_H
#define VELUM_CMD_INPUTS_H

#include "cmd/line.h"
#include "cmd/source.h"
#include "core/wire/input.h"

struct input {
    const char *word;
    const char *about;         /* NULL, or what a sentence about the word begins with */
    struct source from;        /* fd < 0: word is a reference */
    char ref[OBJECT_REF_SIZE]; /* what nodes are asked for; "": not known before it is sent */
    bool there;                /* somebody keeps it */
};

struct inputs {
    uint16_t count;
    bool quiet; /* how much was put is said by the caller */
    struct input list[STAGE_INPUTS_MAX];
    struct stage_input made[STAGE_INPUTS_MAX]; /* of those that are there: what a job names */
};

/* Whether the word is a reference: it looks like one, and there is no file of that name. */
bool inputs_is_ref(const char *word);
/* Opens every file. 0 or an exit code. The words are borrowed until inputs_close. */
int inputs_open(struct inputs *in, int count, char *const *words);
void inputs_close(struct inputs *in);
/* Finds the references among them, whose sizes are known then. 0 or an exit code. */
int inputs_find(struct inputs *in, const struct call *c, struct line *l);
/* Their sizes; false when one is not known yet. */
bool inputs_sizes(const struct inputs *in, uint64_t sizes[STAGE_INPUTS_MAX]);
/* All of them are objects that are kept, when it is 0. What a node keeps already is not sent again:
 * the node of the line is asked, and a few others. After anything else nothing was submitted; what
 * was put by then is an object all the same. */
int inputs_put(struct inputs *in, const struct call *c, struct line *l);

#endif
