/* The sections of a flow's file as they were written, and the way from them to stages. Private to
 * flow_file.c (reads), flow_fan.c (makes stages of sections), flow_join.c (lets some wait for many)
 * and flow_order.c (numbers them). */
#ifndef VELUM_CMD_FLOW_SECTION_H
#define VELUM_CMD_FLOW_SECTION_H

#include "cmd/flow_file.h"
#include "cmd/flow_names.h"

#define FLOW_VALUE_SIZE 1024 /* a line of an INI file holds no more */

struct flow_section {
    struct flow_stage as; /* what does not depend on the value of foreach; no lists */
    char *args, *inputs, *after, *foreach; /* NULL where they are not there */
    struct wants *wants;                   /* the same */
    uint32_t args_line, foreach_line;
    uint32_t first, count; /* the stages that were made of it */
};

struct flow_sections {
    const char *path;
    struct flow_section *list;
    uint32_t count, cap;
    struct flow_names names;
};

/* Words of a text, as a shell has them: separated by blanks (and commas, where `commas`), which
 * quotes hold together. */
struct flow_words {
    char **list;
    uint32_t count;
};

/* 0, ERR_FORMAT (a quote is not closed) or ERR_NO_MEMORY. Release in any case. */
int flow_words_split(struct flow_words *w, const char *text, bool commas);
int flow_words_add(struct flow_words *w, const char *word, size_t len);
/* Adds the names of the files that a pattern means, sorted; 0 when there is none. */
int flow_words_add_files(struct flow_words *w, const char *pattern);
bool flow_word_is_pattern(const char *word);
void flow_words_clear(struct flow_words *w);

/* "FILE line 7: WHAT" into message. Returns ERR_FORMAT. */
int flow_refuse(const char *path, uint32_t line, char message[INI_MESSAGE_SIZE], const char *format,
                ...) __attribute__((format(printf, 4, 5)));

/* What stages ask of nodes, kept with the flow: the same for all that ask the same. NULL where
 * there is no memory; `w` NULL: one that asks for nothing. */
const struct wants *flow_wants(struct flow *f, const struct wants *w);
/* Makes the stages of all sections, and finds what they read and wait for. 0, or < 0 with a
 * message. */
int flow_fan_out(struct flow *f, struct flow_sections *s, char message[INI_MESSAGE_SIZE]);
/* A stage that waits for more than FLOW_AFTER_MAX gets stages between, which do nothing but wait
 * for some of them. `stages` has the names that foreach made. 0, or < 0 with a message. */
int flow_join(struct flow *f, const char *path, const struct flow_names *sections,
              struct flow_names *stages, char message[INI_MESSAGE_SIZE]);
/* Numbers stages so that each comes behind what it needs, else as in the file, the result last. */
int flow_put_in_order(struct flow *f, const char *path, char message[INI_MESSAGE_SIZE]);

#endif
