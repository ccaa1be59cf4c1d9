#include "core/host/wants.h"

#include <string.h>

#include "core/base/text.h"
#include "core/wire/spec.h"

bool wants_cpus(struct wants *w, uint64_t cpus)
{
    if (cpus < 1 || cpus > DEMAND_CPUS_MAX)
        return false;
    w->cpus = (uint16_t)(cpus > 1 ? cpus : 0);
    return true;
}

bool wants_mem(struct wants *w, const char *size)
{
    return text_to_bytes(size, DEMAND_MEM_MAX, &w->mem_bytes) == 0;
}

bool wants_labels(char to[LABELS_SIZE], const char *labels)
{
    char made[LABELS_SIZE], one[LABELS_SIZE];
    text_copy(made, sizeof made, to);
    while (*(labels += strspn(labels, " \t,")) != '\0') {
        size_t len = strcspn(labels, " \t,");
        if (len >= sizeof one)
            return false;
        memcpy(one, labels, len);
        one[len] = 0;
        if (!labels_add(made, one))
            return false;
        labels += len;
    }
    return text_copy(to, LABELS_SIZE, made);
}

static void raise_tier(struct wants *w)
{
    w->tier = w->tier > TIER_S2 ? w->tier : TIER_S2;
}

bool wants_source(struct wants *w)
{
    if (!w || !labels_add(w->on, LABEL_COMPILES))
        return false;
    raise_tier(w);
    return true;
}

bool wants_compiler(const char *word, uint8_t *compiler)
{
    static const char *const words[] = {
        [COMPILER_AUTO] = "auto", [COMPILER_TCC] = "tcc", [COMPILER_CC] = "cc"};
    for (uint8_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i]) == 0) {
            *compiler = i;
            return true;
        }
    return false;
}

bool wants_built(struct wants *w)
{
    return w && labels_add(w->on, LABEL_BUILDS);
}

bool wants_plugin(struct wants *w, const char *arch)
{
    char label[64] = "arch=";
    if (!text_append(label, sizeof label, arch) || !labels_add(w->on, label) ||
        !labels_add(w->on, LABEL_LOADS))
        return false;
    raise_tier(w);
    return true;
}

struct demand wants_demand(const struct wants *w)
{
    return (struct demand){w->cpus, w->mem_bytes, bytes_of_text(w->on), bytes_of_text(w->prefer),
                           w->tier};
}
