/* Jobs as a command has them: fetched from a node, with everything a view borrows copied.
 *
 * Owns the copies until jobs_clear. Never prints, but to say why a name is no job. Called by the
 * commands that name or list jobs. */
#ifndef VELUM_CMD_JOBS_H
#define VELUM_CMD_JOBS_H

#include "cmd/line.h"
#include "core/host/job_entry.h"

#define JOBS_MAX 16384 /* of one listing; the rest is counted, not kept */

struct job_list {
    struct job_entry *list;
    size_t count, cap;
    size_t left_off;
};

/* Every job the node knows of (all: finished ones too) whose id begins with `which` or whose name
 * it is; "" for all of them. Sorted: newest last. */
int jobs_fetch(struct line *l, bool all, const char *which, struct job_list *out);
/* The old jobs that the node has set aside: those whose id begins with `which` or whose name it is;
 * "" for all. */
int jobs_fetch_stale(struct line *l, const char *which, struct job_list *out);
void jobs_clear(struct job_list *list);
/* A full id, an unambiguous beginning of one, or a name. 0, or the exit code after saying why. */
int jobs_resolve(struct line *l, const char *which, struct job_id *id);
/* As line_report, of a request about the job of that name: where the node knows none, so it is
 * said, with the name. */
int jobs_report(const struct line *l, const char *which, int rc);
/* Says that there is none of that name; the exit code. */
int jobs_refuse(const char *which);
/* The same of those that are set aside. */
int jobs_refuse_stale(const char *which);
/* One of them, or the exit code after saying why. */
int jobs_resolve_stale(struct line *l, const char *which, struct job_id *id);
/* The job as its holders know it now. 0 or < 0. */
int jobs_look(struct line *l, struct job_id id, struct job_entry *out);
/* Fills e->text: built-ins are shown in this process, plugins by a worker of the node. 0 also when
 * there is no result yet, and of a job that collects: its result is bytes (pour.h). */
int jobs_show(struct line *l, struct job_entry *e);
/* The whole of a command about one job: finds the one its first argument names, and hands it to
 * `print`, whose exit code it returns. */
int jobs_with_one(const struct call *c,
                  int (*print)(const struct call *c, struct line *l, struct job_entry *e));

#endif
