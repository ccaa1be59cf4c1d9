/* A text as a shell reads it back as one word, for commands that people are told to type. Called by
 * home.c and cmd. */
#ifndef VELUM_HOST_SHELL_WORD_H
#define VELUM_HOST_SHELL_WORD_H

#include <stdbool.h>
#include <stddef.h>

/* Of so many bytes of text, with the final zero. */
#define SHELL_WORD_SIZE(len) (4 * (len) + 3)

/* Appends it under the rule of text_append (core/base/text.h). */
bool shell_word(char *to, size_t cap, const char *text);

#endif
