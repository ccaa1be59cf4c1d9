/* A file that describes a job of several stages: INI, one section a stage.
 *
 *   [job]                    may be left out
 *   name = nightly           a name for the job
 *   keep-going = yes         what does not need a stage that failed still runs
 *   timeout = 1h             the job ends after that long
 *   slots-max = 4            slots that it uses at most at a time
 *   priority = -5            among your own jobs, -10 to 10
 *   wait-for-capacity = yes  it waits where no node meets what a stage asks for
 *
 *   [numbers]                a stage, and its name
 *   kernel = sum             needed
 *   args = 1000000           for the kernel, separated by blanks
 *   inputs = first second    stages whose outputs it reads, in this order
 *   after = third            stages that are only waited for
 *   units = 1000             in place of what the kernel plans
 *   leaf = 10                units in a leaf, the same
 *   retries = 5              how often a leaf that failed is begun again; else twice
 *   timeout = 10s            how long a leaf may run; else 10 minutes
 *   cpus = 2                 slots that a leaf takes on its node; else one
 *   mem = 2G                 memory that a worker may need
 *   on = gpu=1 arch=x86_64   labels that a node must have
 *   prefer = disk=ssd        labels of the nodes that come first
 *
 * Stages may stand in any order. The last one in the file that nobody reads or waits for gives the
 * result of the job. */
#ifndef VELUM_CMD_FLOW_FILE_H
#define VELUM_CMD_FLOW_FILE_H

#include "core/host/ini_file.h"
#include "core/host/wants.h"
#include "core/wire/spec.h"

#define FLOW_REFS_MAX 256

struct flow_ref {
    char name[STAGE_NAME_SIZE];
    uint32_t stage; /* as they stand in the file */
};

struct flow_stage {
    char name[STAGE_NAME_SIZE];
    char kernel[KERNEL_NAME_SIZE];
    char args[JOB_ARGS_SIZE];
    struct flow_ref *inputs, *after;
    uint32_t inputs_count, after_count;
    uint64_t units, leaf_units; /* 0: as planned */
    uint64_t retries;
    int64_t leaf_us;
    struct wants wants;
    uint32_t line, inputs_line, after_line; /* where they stand in the file */
    uint32_t number;                        /* in the job */
};

struct flow {
    char name[JOB_NAME_SIZE];
    bool keep_going;
    int64_t timeout_us;
    uint64_t slots_max;
    int8_t priority;
    bool waits;
    struct flow_stage *stages; /* as they stand in the file */
    uint32_t count, cap;
    uint32_t *order; /* stages by their numbers in the job */
};

/* 0, or < 0 with one sentence in message that names file and line. Release with flow_clear in any
 * case. */
int flow_read(struct flow *f, const char *path, char message[INI_MESSAGE_SIZE]);
void flow_clear(struct flow *f);

#endif
