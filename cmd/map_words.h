/* The placeholders of `velum map`, as GNU Parallel has them:
 *
 *   {}  the input    {.} without its extension    {/} without folders    {//} its folder
 *   {/.} without folders and extension            {#} the input's number, from 1
 *   {2} {2.} {2/} {2//} {2/.}   the same of the second source
 *
 * Where no word has one, the input's values follow as words of their own; so they do for a word
 * that is just {}. Called by map.c; flow_fan.c has them of one source. */
#ifndef VELUM_CMD_MAP_WORDS_H
#define VELUM_CMD_MAP_WORDS_H

#include "cmd/map_input.h"
#include "core/wire/order.h"

/* A kernel's arguments for one input. */
struct map_words {
    int count;
    const char *list[ARGS_COUNT_MAX];
    char text[ARGS_COUNT_MAX][ARG_SIZE_MAX];
};

/* Whether a word has a placeholder that names a source beyond `sources`: its number, else 0. */
unsigned map_words_beyond(int argc, char *const *argv, size_t sources);
/* Whether the text has any, and one word with all of its own filled in: 0 or ERR_TOO_LARGE. */
bool map_words_has_place(const char *text);
int map_words_fill(char to[ARG_SIZE_MAX], const char *word, const struct map_input *in);
/* 0, or ERR_FULL (too many words) or ERR_TOO_LARGE (a word is too long). */
int map_words_make(struct map_words *out, int argc, char *const *argv, const struct map_input *in);

#endif
