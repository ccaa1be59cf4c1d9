/* A job on its way to a node: what it is, as the bytes that are signed. Called by cmd/submit.c and
 * core/api. */
#ifndef VELUM_HOST_SUBMISSION_H
#define VELUM_HOST_SUBMISSION_H

#include "core/host/builtin.h"
#include "core/host/identity.h"
#include "core/host/wants.h"

struct submission {
    const char *name; /* "" for none */
    uint32_t slots_max;
    uint64_t timeout_us, cpu_us; /* 0: no limit */
    uint16_t check;              /* of a thousand leaves so many are computed twice */
    uint64_t leaf_units;         /* that the user wants; 0: as planned */
    char args[JOB_ARGS_SIZE];
    bool open; /* tasks are appended to it (core/wire/append.h), and go on where one fails */
    struct plan plan;
    struct plan then;      /* of the stage behind it, where plan.then names a kernel */
    uint16_t inputs_count; /* to STAGE_INPUTS_MAX */
    const struct stage_input *inputs;
    const struct stage_input *source; /* of a snippet; else NULL */
    uint8_t compiler;                 /* enum compiler, of it */
    const char *arch;                 /* it is a plugin, for this machine; NULL: it is C */
    struct wants wants;
    int8_t priority;
    bool waits; /* for nodes that have what it wants */
};

/* Joins the arguments for people; they are cut to what fits. */
void submission_join_args(struct submission *s, int argc, const char *const *argv);
uint64_t submission_leaves(const struct submission *s); /* of the first stage */
uint64_t submission_all_leaves(const struct submission *s);
/* What the stage behind has for inputs, where plan.then names a kernel: what each leaf yields. 0,
 * or ERR_TOO_LARGE: there are more leaves than a stage may have inputs. */
int submission_then_inputs(const struct submission *s, uint16_t *count,
                           uint64_t sizes[STAGE_INPUTS_MAX]);
/* A stage that computes what was planned, whose parameters it borrows: without arguments and inputs
 * yet. */
struct stage_spec submission_stage(const struct plan *p);
/* A job of this author, with a nonce of its own, that may be submitted from now on. 0 or
 * ERR_SYSTEM. */
int submission_begin(struct job_spec *spec, struct node_id author);
/* The payload of SUBMIT, with a nonce of its own: the same bytes sent twice are one job. `to` is
 * empty and holds FRAME_PAYLOAD_MAX. 0 or < 0; ERR_TOO_LARGE also where there is no room for what a
 * snippet asks of its nodes, or for its source. */
int submission_seal(const struct submission *s, struct identity *identity, struct buf *to);

/* The same of a specification that was made elsewhere. */
int submission_sign(struct identity *identity, struct bytes body, struct buf *to);

#endif
