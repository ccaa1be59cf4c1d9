/* Options of a command: const rows, read by one parser; usage text and completions come from the
 * same rows.
 *
 * Owns nothing: values point into argv. Never prints; what is wrong goes into a message and the
 * caller decides. Called by main.c for every command. Options and arguments may be mixed:
 *
 *   --flag value, --flag=value  an option by its name
 *   -f value, -fvalue           by its letter; letters of switches may be joined, -ab
 *   --                          ends the options
 *   -5, -.5, -                  arguments, so that a kernel can say itself what it thinks of a
 *                               negative number
 *   -x, --word                  behind a kernel's name, where no option has that letter or a name
 *                               like that: an argument, for the kernel to know. So is what stands
 *                               behind such a --word without a =, whatever it looks like, because
 *                               that is its value (velum_kernel.h: files_from) */
#ifndef VELUM_CMD_OPT_H
#define VELUM_CMD_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OPT_VALUES_MAX 128
#define OPT_MESSAGE_SIZE 512

enum opt_kind {
    OPT_SWITCH, /* no value */
    OPT_TEXT,   /* any text that is not empty */
    OPT_NUMBER, /* decimal, min to max */
    OPT_SPAN,   /* a duration (duration.h), more than nothing */
    OPT_CHOICE, /* one of the words in `value`, separated by | */
    OPT_MAYBE   /* no value, or such a word, behind a = only */
};

struct opt {
    const char *name; /* without the dashes; NULL ends a table */
    char letter;      /* 0: none */
    enum opt_kind kind;
    bool repeats;      /* may be given more than once */
    const char *value; /* how the value is called in usage texts */
    const char *effect;
    uint64_t min, max; /* of a number */
};

struct opt_value {
    const struct opt *opt;
    const char *text; /* NULL for a switch, and for an option without a value */
    uint64_t number;  /* a number, or a duration in microseconds */
};

struct opts {
    struct opt_value values[OPT_VALUES_MAX];
    size_t count;
};

/* The rows every command has beside its own. */
extern const struct opt opt_common[];

/* Reads argv[0..argc) by the rows of `own` (may be NULL) and opt_common. Arguments that are no
 * options are moved to the front of argv in their order; returns how many there are, or
 * ERR_ARGUMENT with one sentence in message and in hint what to try ("" for nothing better than
 * the command's help). foreign_from: so many arguments must stand before what is no option is one;
 * 0: it never is. */
int opt_parse(struct opts *o, const struct opt *own, int foreign_from, int argc, char **argv,
              char message[OPT_MESSAGE_SIZE], char hint[OPT_MESSAGE_SIZE]);

/* What was given, by name. The name must be one of the rows that were parsed. */
bool opt_given(const struct opts *o, const char *name);
const char *opt_text(const struct opts *o, const char *name, const char *otherwise);
uint64_t opt_number(const struct opts *o, const char *name, uint64_t otherwise);

/* It has no value, or none in the next word. */
bool opt_stands_alone(const struct opt *o);
/* The row of that name in a table, or NULL. */
const struct opt *opt_find(const struct opt *rows, const char *name, size_t name_len);
/* Of joined letters, each of `own` or common, the last: up to one that takes the rest, where
 * *letters points then, as its value. NULL: there is none, or one is unknown. */
const struct opt *opt_letters(const struct opt *own, const char **letters);
/* One usage line a row: "  -d, --detach        print only the id and return". */
void opt_usage(const struct opt *rows, FILE *to);

#endif
