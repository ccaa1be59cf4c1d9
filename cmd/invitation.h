/* What `velum init` and `velum token create` have in common: a string to join by, made and printed.
 * The string is a secret: it is printed once, on standard output or into a file of mode 0600. */
#ifndef VELUM_CMD_INVITATION_H
#define VELUM_CMD_INVITATION_H

#include "cmd/cmd.h"
#include "cmd/duration.h"
#include "core/host/invite.h"

/* The rows of --role, --ttl, --uses, --name, --at and --out. */
#define INVITATION_OPTS                                                                            \
    {.name = "role",                                                                               \
     .kind = OPT_TEXT,                                                                             \
     .value = "ROLES",                                                                             \
     .effect = "node, submit, native, read, or several with commas (node)"},                       \
        {.name = "ttl",                                                                            \
         .kind = OPT_SPAN,                                                                         \
         .value = "TIME",                                                                          \
         .effect = "how long it is good (1h; "                                                     \
                   "7d at most)"},                                                                 \
        {.name = "uses",                                                                           \
         .kind = OPT_NUMBER,                                                                       \
         .value = "N",                                                                             \
         .effect = "how many may join with it (1)",                                                \
         .min = 1,                                                                                 \
         .max = TOKEN_USES_MAX},                                                                   \
        {.name = "name", .kind = OPT_TEXT, .value = "NAME", .effect = "how it is listed"},         \
        {.name = "at",                                                                             \
         .kind = OPT_TEXT,                                                                         \
         .value = "HOST:PORT",                                                                     \
         .effect = "where to ask (this machine's nodes)"},                                         \
    {                                                                                              \
        .name = "out", .kind = OPT_TEXT, .value = "FILE", .effect = "write it there (mode 0600)"   \
    }

/* A token as it is told. */
struct token_words {
    char id[JOIN_ID_TEXT_SIZE], roles[40], until[DURATION_TEXT_SIZE];
};
void token_words(const struct token *t, struct token_words *to);

/* What invite_open or invite_look said against it; the exit code. */
int invitation_refuse(int rc, const char *message);
/* The exit code; has said what went wrong. Where the string cannot be given it is void. */
int invitation_give(const struct call *c, const struct home *h);

#endif
