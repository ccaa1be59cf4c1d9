/* Tries a kernel that is a file, a snippet or a plugin, as a node would use it but without one: a
 * worker in its cage describes it, and another makes a plan and computes one leaf. Whatever the
 * kernel does there harms nobody. Called by cmd/cc.c. */
#ifndef VELUM_HOST_TRIAL_H
#define VELUM_HOST_TRIAL_H

#include "core/host/crew.h"
#include "core/wire/view.h"

#define TRIAL_WORDS_SIZE 8192
#define TRIAL_MESSAGE_SIZE 512
/* Describing it, and each step behind that, may take so long. */
#define TRIAL_STEP_US (10 * S_US)

struct trial_order {
    uint8_t origin;   /* ORIGIN_SNIPPET or ORIGIN_PLUGIN */
    const char *path; /* absolute */
    bool plans;       /* with these arguments, files among them */
    int argc;
    const char *const *argv;
    /* Of the files that a kernel of this description reads, which begin at argument `from`: their
     * sizes. 0, or < 0 with a sentence in reason. */
    int (*measure)(void *ctx, int from, uint64_t *sizes, char reason[REASON_SIZE]);
    void *ctx;
};

struct trial {
    struct kernel_view view; /* `refused`: why it cannot be used; nothing below is known then */
    char words[TRIAL_WORDS_SIZE]; /* that came while it was described: of a snippet, the compiler's.
                                     Sanitised, with lines */
    bool planned;                 /* the arguments are allowed; else, where asked for, why not: */
    char reason[REASON_SIZE];
    uint64_t units, leaf_units;
    bool ran; /* the first leaf is computed; else, of one that reads no files,
                                     what became of it: */
    char failed[REASON_SIZE];
    uint64_t leaf_us;
    bool reads_files;
};

/* 0, or < 0 with a sentence: it could not be tried. The spawner stays the caller's; it may have
 * been replaced. The process has no loop with callbacks of its own under way. */
int trial_run(struct spawner *s, const struct trial_order *o, struct trial *out,
              char message[TRIAL_MESSAGE_SIZE]);

#endif
