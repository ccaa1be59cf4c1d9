/* Stages of a flow, many to a job. With more stages than nodes keep jobs that have ended, those
 * that are to run are put into bundles: each is a job, whose last stage collects what the others
 * yield (kernel cat) so that it is kept with the job.
 *
 * A bundle has a depth, and the bundles that its stages need have lower ones: so bundles never wait
 * for each other in a circle. A chain of stages goes into one bundle as far as there is room, and a
 * stage that joins what several bundles of one depth yield begins another one behind them, so that
 * those can be computed at the same time. Decides only; called by flow_many.c. */
#ifndef VELUM_CMD_FLOW_BUNDLE_H
#define VELUM_CMD_FLOW_BUNDLE_H

#include "cmd/flow_plan.h"

#define FLOW_BUNDLE_MAX 160u                 /* stages; a key of each goes into its parameters */
#define FLOW_BUNDLE_BYTES ((size_t)40 << 10) /* of a specification, for them */

struct flow_bundle {
    uint32_t first, count; /* among the members */
    bool alone;            /* one stage, whose output is that of the job */
};

struct flow_bundles {
    uint32_t *members; /* stages as they stand in the file; each behind those of its own bundle
                          that it needs */
    struct flow_bundle *list;
    uint32_t count;
};

enum flow_place {
    FLOW_ELSEWHERE, /* it is done, or in a job already: whoever needs it only waits */
    FLOW_TO_BUNDLE,
    FLOW_TO_BE_ALONE
};

/* So many stages of so large a flow in a bundle, at most. */
uint32_t flow_bundle_size(uint32_t stages);
/* `places` says of each stage what is to become of it. 0 or ERR_NO_MEMORY; release with
 * flow_bundles_clear in any case. */
int flow_bundles_make(struct flow_bundles *b, const struct flow_plan *p, const uint8_t *places,
                      uint32_t size);
void flow_bundles_clear(struct flow_bundles *b);
/* So many outputs of a stage are inputs of those that read it. */
uint32_t flow_bundle_outputs(const struct flow_plan *p, uint32_t stage);

#endif
