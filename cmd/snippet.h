/* A kernel that a command is given as C source, a file or text that the command has written, or as
 * the file of a plugin. It
 * becomes an object of the user's, the node says what is in it, and plans by it
 * (core/wire/snippet.h).
 *
 * Owns the open file. What goes wrong is said here, with an exit code. Called by run.c, in this
 * order: open, describe, plan; close at any time. */
#ifndef VELUM_CMD_SNIPPET_H
#define VELUM_CMD_SNIPPET_H

#include "cmd/inputs.h"
#include "core/host/builtin.h"

struct snippet {
    const char *what;     /* the file, or what people call the text */
    struct inputs source; /* that alone */
    bool plugin;
    char arch[32]; /* of a plugin: what its nodes call their architecture */
    struct kernel_view kernel;
};

/* Whether a word where a kernel is expected means C source: it ends in .c, or it is the name of a
 * file with a / in it. */
bool snippet_is_file(const char *word);
/* The same of a plugin: a file with a / in its name, which ends in .so. */
bool snippet_is_plugin(const char *word);
/* 0 or an exit code. The word is borrowed until snippet_close. */
int snippet_open(struct snippet *s, const char *file);
/* The same of a file that snippet_is_plugin knows. */
int snippet_open_plugin(struct snippet *s, const char *file);
/* Source that is no file; `what` it is called is borrowed. */
int snippet_open_text(struct snippet *s, const char *what, struct bytes text);
void snippet_close(struct snippet *s);
/* Puts it, and fills in what it is. 0 or an exit code: what the compiler says against it is printed
 * as compilers do. */
int snippet_describe(struct snippet *s, const struct call *c, struct line *l);
/* Of one that was described; see submit_plan_ask. */
int snippet_plan_ask(const struct snippet *s, struct line *l, int argc, char *const *argv,
                     uint16_t inputs_count, const uint64_t *input_sizes, struct plan *out);
/* Shows the result of a job by a source that the node gets, whoever put it; see line_exchange. */
int snippet_show_ask(struct line *l, const struct job_view *v, char text[SHOW_SIZE_MAX]);
/* The object that it is. */
struct stage_input snippet_source(const struct snippet *s);

#endif
