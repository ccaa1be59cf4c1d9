/* Records of a journal for people and as JSON: what each fact says, one line or one object a
 * record. Called by cmd/journal.c; a test compares golden journals with what this prints. */
#ifndef VELUM_CMD_VIEW_RECORD_H
#define VELUM_CMD_VIEW_RECORD_H

#include "cmd/view_json.h"
#include "core/node/journal_record.h"

struct record_view {
    uint64_t sequence;
    uint16_t type;
    struct bytes payload;
    char segment[24]; /* the file it is in */
    uint64_t offset;  /* where it begins there */
};

/* 0, or what is wrong with a record whose bytes are whole: ERR_VERSION, ERR_FORMAT. */
int record_view_check(const struct record_view *v);
/* What cannot be read is shown as that. */
void record_view_text(FILE *to, const struct record_view *v);
void record_view_json(struct json *j, const struct record_view *v);

#endif
