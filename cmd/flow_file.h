/* A file that describes a job of several stages: INI, one section a stage.
 *
 *   [job]                    may be left out
 *   name = nightly           a name for the job
 *   keep-going = yes         what does not need a stage that failed still runs
 *   timeout = 1h             the job ends after that long
 *   check = 5                so many percent of the leaves are computed on two nodes
 *   cpu-time = 10h           processor time that its workers may use together
 *   slots-max = 4            slots that it uses at most at a time
 *   priority = -5            among your own jobs, -10 to 10
 *   wait-for-capacity = yes  it waits where no node meets what a stage asks for
 *
 *   [numbers]                a stage, and its name
 *   kernel = sum             needed; or FILE.c, a kernel of your own in C, beside this file
 *   args = 1000000           for the kernel, separated by blanks; '...' and "..." hold blanks
 *   inputs = first a.txt     what it reads, in this order: stages whose outputs it reads, files
 *                            (also by *, ? and [...]), references of objects
 *   after = third            stages that are only waited for
 *   foreach = 1..9 x *.txt   a stage for each of these, [numbers-1] and so on: words, ranges of
 *                            whole numbers, names of files; in args, inputs and after {} is the
 *                            word, {#} its number from 1, {.} {/} {//} {/.} as with velum map
 *   units = 1000             in place of what the kernel plans
 *   leaf = 10                units in a leaf, the same
 *   reduce = collect         what the kernel must do with what leaves compute: fold or collect
 *   retries = 5              how often a leaf that failed is begun again; else twice
 *   timeout = 10s            how long a leaf may run; else 10 minutes
 *   tier = cc                whose compiler makes the code of FILE.c: auto, tcc or cc
 *   cpus = 2                 slots that a leaf takes on its node; else one
 *   mem = 2G                 memory that a worker may need
 *   on = gpu=1 arch=x86_64   labels that a node must have
 *   prefer = disk=ssd        labels of the nodes that come first
 *
 * Stages may stand in any order. A name that foreach made stages of means all of them, in order.
 * The last stage in the file that nobody reads or waits for gives the result of the job. Files are
 * those of the present folder, as for a shell; a word that is a stage and a file is the stage. */
#ifndef VELUM_CMD_FLOW_FILE_H
#define VELUM_CMD_FLOW_FILE_H

#include "core/host/ini_file.h"
#include "core/host/wants.h"
#include "core/wire/append.h"

#define FLOW_NONE UINT32_MAX
#define FLOW_STAGES_MAX JOB_STAGES_MAX
#define FLOW_AFTER_MAX 4000u /* that a stage waits for; beyond, through stages between */
#define FLOW_FILE_MAX ((size_t)256 << 20)
#define FLOW_SOURCES_MAX 256u
#define FLOW_FILES_MAX 100000u /* files and references that all stages together name */

/* A stage whose outputs are read, or what is read from outside; the other is FLOW_NONE. */
struct flow_input {
    uint32_t stage; /* as they stand in flow.stages */
    uint32_t file;  /* in flow.files */
};

struct flow_stage {
    char name[STAGE_NAME_SIZE];
    char kernel[KERNEL_NAME_SIZE];
    char **args;
    struct flow_input *inputs;
    uint32_t *after; /* as inputs name stages */
    uint32_t args_count, inputs_count, after_count;
    uint64_t units, leaf_units; /* 0: as planned */
    uint64_t retries;
    int64_t leaf_us;
    int reduction;                          /* enum reduction, or < 0: as the kernel does */
    const struct wants *wants;              /* the flow's */
    bool tiered;                            /* the file says of which compiler the code is: */
    uint8_t compiler;                       /* enum compiler */
    uint32_t source;                        /* of flow.sources, from 1; 0: the kernel is no file */
    uint32_t line, inputs_line, after_line; /* where they stand in the file */
    uint32_t number;                        /* in the job */
};

/* A file, or a reference of an object, each word once. */
struct flow_word {
    char *word;
    uint32_t stage; /* the first that reads it */
};

struct flow {
    char name[JOB_NAME_SIZE];
    bool keep_going;
    int64_t timeout_us, cpu_us;
    uint64_t check; /* in percent; 0: none */
    uint64_t slots_max;
    int8_t priority;
    bool waits;
    struct flow_stage *stages; /* as they stand in the file, those of a foreach in its order */
    uint32_t count, cap, most; /* most: there may be no more */
    struct flow_word *files;
    uint32_t files_count, files_cap;
    uint32_t *order; /* stages by their numbers in the job */
    struct wants **wants;
    uint32_t wants_count;
    char **sources; /* files of C, each path once */
    uint32_t sources_count;
};

/* 0, or < 0 with one sentence in message that names file and line. Looks which files there are, and
 * reads none but its own. Release with flow_clear in any case. */
int flow_read(struct flow *f, const char *path, char message[INI_MESSAGE_SIZE]);
/* The same of at most so many stages. */
int flow_read_most(struct flow *f, const char *path, uint32_t most, char message[INI_MESSAGE_SIZE]);
void flow_clear(struct flow *f);
/* "FILE line 7: [NAME] ", for what is wrong with a stage: the line where it begins, or that of its
 * inputs. */
#define FLOW_ABOUT_SIZE (STAGE_NAME_SIZE + 240)
void flow_about(const char *path, const struct flow_stage *s, bool inputs,
                char to[FLOW_ABOUT_SIZE]);

#endif
