/* What the compiler says of a snippet, as compilers print it:
 *
 *   FILE:LINE:COLUMN: error: TEXT
 *
 * libtcc gives no column, and no line for a name that nobody defines. Where a message quotes a word
 * that stands in its line just once, outside of comments and strings, that is the column; where a
 * line has the word more than once, or not at all, none is made up. Called by snippet.c. */
#ifndef VELUM_HOST_SNIPPET_MESSAGES_H
#define VELUM_HOST_SNIPPET_MESSAGES_H

#include <stddef.h>

#include "core/base/bytes.h"
#include "core/wire/order.h"

#define SNIPPET_MESSAGES_SIZE 4096

struct snippet_messages {
    const char *name;                 /* of the file; both are the caller's, who fills them in */
    struct bytes source;              /* its bytes */
    char text[SNIPPET_MESSAGES_SIZE]; /* one a line; what does not fit is left out */
    size_t len;
    unsigned errors;
    char first[REASON_SIZE]; /* the first error, cut to what fits; "" where there is none */
};

/* Appends what libtcc says: one message, perhaps below lines that say how it came to that file. */
void snippet_messages_add(struct snippet_messages *m, const char *said);
/* Appends an error of the place so many bytes into the source, which is part of it. */
void snippet_messages_error_at(struct snippet_messages *m, size_t place, const char *text);
/* Appends an error of the whole file. */
void snippet_messages_error(struct snippet_messages *m, const char *text);
/* Appends what helps with the error before. */
void snippet_messages_note(struct snippet_messages *m, const char *text);
/* Behind the comment, string or character that begins at i of the source; i itself where none
 * does. */
size_t snippet_messages_skip(struct bytes source, size_t i);

#endif
