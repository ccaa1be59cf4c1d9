/* The JSON that commands print: one document, {"v":1,"jobs":[...]}. Fields are only ever added.
 * Seconds, bytes and units are plain numbers, times are ISO 8601 UTC, what is not there is null.
 *
 * Text is escaped so that any bytes at all, also those that are no UTF-8, give a valid document. */
#ifndef VELUM_CMD_VIEW_JSON_H
#define VELUM_CMD_VIEW_JSON_H

#include <stdio.h>

#include "core/wire/view.h"

struct json {
    FILE *to;
    bool comma; /* something stands before the next value */
};

/* The writer puts commas; the caller opens and closes what it opens. */
void json_begin(struct json *j, FILE *to);
void json_open(struct json *j, const char *key, char bracket); /* key NULL inside a list */
void json_close(struct json *j, char bracket);
void json_text(struct json *j, const char *key, const char *text); /* NULL text: null */
void json_number(struct json *j, const char *key, uint64_t number);
void json_seconds(struct json *j, const char *key, uint64_t us); /* 1.25, exact to the us */
void json_real(struct json *j, const char *key, double number);  /* NaN and infinities as text */
void json_truth(struct json *j, const char *key, bool truth);
void json_null(struct json *j, const char *key);

/* {"v":1,"NAME":[ ... ]} and a newline around the objects. */
void json_document_open(struct json *j, FILE *to, const char *name);
void json_document_close(struct json *j);

/* One job object. `result` is its text or NULL. */
void json_job(struct json *j, const char *key, const struct job_view *v, const char *result);
/* The same with "accumulator": the exact fields of the result,
 * where this executable has the kernel. */
void json_job_exact(struct json *j, const struct job_view *v, const char *result);
void json_node(struct json *j, const struct node_view *v);
void json_kernel(struct json *j, const struct kernel_view *v);

#endif
