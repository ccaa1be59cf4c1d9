/* The fields of a result, for view_json.c. */
#ifndef VELUM_CMD_VIEW_FIELDS_H
#define VELUM_CMD_VIEW_FIELDS_H

#include "cmd/view_json.h"

/* "accumulator":{...} of a finished job, or null when its kernel is not built in. */
void view_fields(struct json *j, const struct job_view *v);

#endif
