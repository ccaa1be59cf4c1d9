/* Objects as people and programs see them, and references as people type them. Called by put.c,
 * get.c, objects.c, rm.c and complete.c. */
#ifndef VELUM_CMD_VIEW_OBJECT_H
#define VELUM_CMD_VIEW_OBJECT_H

#include "cmd/line.h"
#include "cmd/view_json.h"
#include "cmd/view_text.h"
#include "core/host/object_flow.h"

#define OBJECT_SHORT_SIZE 13 /* enough digits to be alone among a million, and a final zero */

void object_short(struct digest name, char to[OBJECT_SHORT_SIZE]);
/* 0, or CODE_MISUSE after saying that this is no reference. */
int object_check_ref(const char *ref);

void view_objects_head(struct grid *g);
void view_objects_row(struct grid *g, const struct object_view *v);
void json_object(struct json *j, const struct object_view *v);
/* The document {"v":1,"objects":[...]} with one object on standard output. */
void json_print_object(const struct object_view *v);

/* Asks for the objects of this node (all: of every node) that ref means ("": any) and hands each to
 * `take`, in the order of their names. 0 or < 0. */
int objects_each(struct line *l, bool all, const char *ref,
                 void (*take)(void *ctx, const struct object_view *v), void *ctx);

#endif
