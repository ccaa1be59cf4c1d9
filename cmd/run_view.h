/* `velum run --view`: the result, which must be a PNG file, is drawn in the terminal. It gets there
 * by way of a file: the one of -o, or one without a name, which is gone with the command however
 * that ends. Called by run.c. */
#ifndef VELUM_CMD_RUN_VIEW_H
#define VELUM_CMD_RUN_VIEW_H

#include "cmd/cmd.h"

/* Without one of them the terminal is asked which it knows. */
#define RUN_VIEW_HOW "blocks|sixel|kitty"

struct run_view {
    const char *file; /* where the result goes, as struct pour_options has it */
    bool draws;       /* --view was said */
    const char *how;  /* and with which word; NULL: with none */
    int fd;           /* while it draws: of the file without a name, or -1 */
};

/* What --view and -o, --json and -d say. Refused where standard output is no terminal, and
 * where FILE is none that can be read again. 0 or an exit code; run_view_close is right after both,
 * and of one that is all zero. */
int run_view_open(struct run_view *v, const struct call *c);
/* What struct pour_options has for it, borrowed. */
const int *run_view_fd(const struct run_view *v);
/* What is in the file, once the whole result is. 0 or an exit code. */
int run_view_draw(const struct run_view *v);
void run_view_close(struct run_view *v);

#endif
