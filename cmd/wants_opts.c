#include "cmd/wants_opts.h"

#include <string.h>

#include "core/base/text.h"
#include "core/wire/spec.h"

static int refuse_label(const char *option, const char *text)
{
    talk_error("--%s takes KEY or KEY=VALUE, of letters, digits, and . _ - (in a value / : + too), "
               "together less than %d bytes, not \"%.64s\"",
               option, LABELS_SIZE, text);
    talk_try("--%s gpu=1", option);
    return CODE_MISUSE;
}

static int take_labels(const struct call *c, const char *option, char to[LABELS_SIZE])
{
    for (size_t i = 0; i < c->opts->count; i++) {
        const struct opt_value *v = &c->opts->values[i];
        if (strcmp(v->opt->name, option) == 0 && !wants_labels(to, v->text))
            return refuse_label(option, v->text);
    }
    return 0;
}

static int take_priority(const char *text, int8_t *priority)
{
    uint64_t n;
    bool below = text[0] == '-';
    if (text_to_u64(text + below, JOB_PRIORITY_MAX, &n) < 0) {
        talk_error("--priority takes a number from -%d to %d, not \"%.64s\"", JOB_PRIORITY_MAX,
                   JOB_PRIORITY_MAX, text);
        talk_try("--priority 5");
        return CODE_MISUSE;
    }
    *priority = (int8_t)(below ? -(int)n : (int)n);
    return 0;
}

static int take_mem(const char *text, struct wants *w)
{
    if (!text || wants_mem(w, text))
        return 0;
    talk_error("--mem takes a number of bytes, or one with K, M, G or T behind it, not \"%.64s\"",
               text);
    talk_try("--mem 2G");
    return CODE_MISUSE;
}

static int take_tier(const char *text, struct wants *w)
{
    if (!text || tier_read(text, &w->tier))
        return 0;
    talk_error("--min-tier takes S1, S2 or S3, not \"%.64s\"", text);
    talk_try("--min-tier S2");
    return CODE_MISUSE;
}

int wants_take(const struct call *c, struct job_wants *w)
{
    *w = (struct job_wants){.waits = opt_given(c->opts, "wait-for-capacity")};
    wants_cpus(&w->stage, opt_number(c->opts, "cpus", 1));
    int code = take_mem(opt_text(c->opts, "mem", NULL), &w->stage);
    if (code == 0)
        code = take_tier(opt_text(c->opts, "min-tier", NULL), &w->stage);
    if (code == 0)
        code = take_labels(c, "on", w->stage.on);
    if (code == 0)
        code = take_labels(c, "prefer", w->stage.prefer);
    return code == 0 ? take_priority(opt_text(c->opts, "priority", "0"), &w->priority) : code;
}

bool wants_wait(bool waits, bool alone)
{
    if (waits && alone)
        talk_line("no node can join this process, so nothing is waited for");
    return waits && !alone;
}
