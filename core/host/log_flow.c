#include "core/host/log_flow.h"

#include <string.h>

static struct log_kind *kind_of(struct log_flow *f, const char *text)
{
    struct log_kind *k = f->kinds;
    char begins[LOG_FLOW_KIND_SIZE] = {0};
    memcpy(begins, text, strnlen(text, sizeof begins));
    while (k < f->kinds + LOG_FLOW_KINDS_MAX && k->begins[0] &&
           memcmp(k->begins, begins, sizeof begins) != 0)
        k++;
    if (k < f->kinds + LOG_FLOW_KINDS_MAX)
        memcpy(k->begins, begins, sizeof begins);
    return k;
}

bool log_flow_takes(struct log_flow *f, const char *text, struct instant now, uint32_t *left_out)
{
    struct log_kind *k = kind_of(f, text);
    *left_out = 0;
    if (k->lines == 0 || instant_reached(now, instant_plus_us(k->second, S_US))) {
        *left_out = k->left_out;
        k->second = now;
        k->lines = k->left_out = 0;
    }
    k->left_out += k->lines >= LOG_FLOW_LINES_MAX;
    if (k->lines >= LOG_FLOW_LINES_MAX)
        return false;
    k->lines++;
    return true;
}
