/* The list of strings to join by, and of who came by them. Called by token.c. */
#ifndef VELUM_CMD_TOKEN_LIST_H
#define VELUM_CMD_TOKEN_LIST_H

#include <stdbool.h>

#include "core/host/home.h"

/* The exit code, after printing or saying what is wrong. */
int token_list(const struct home *h, bool as_json);

#endif
