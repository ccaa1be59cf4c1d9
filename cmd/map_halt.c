#include "cmd/map_halt.h"

#include <stdlib.h>
#include <string.h>

static bool take(const char **at, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*at, word, len) != 0)
        return false;
    *at += len;
    return true;
}

static bool take_what(const char **at, enum halt_what *what)
{
    if (take(at, "fail="))
        *what = HALT_FAIL;
    else if (take(at, "success="))
        *what = HALT_SUCCESS;
    else if (take(at, "done="))
        *what = HALT_DONE;
    else
        return false;
    return true;
}

static bool take_number(const char *at, struct map_halt *out)
{
    uint64_t n = 0;
    size_t digits = strspn(at, "0123456789");
    if (digits == 0 || digits > 15)
        return false;
    for (size_t i = 0; i < digits; i++)
        n = n * 10 + (uint64_t)(at[i] - '0');
    if (strcmp(at + digits, "%") == 0 && n <= 100)
        out->percent = (unsigned)n;
    else if (!at[digits])
        out->count = n;
    else
        return false;
    return n > 0;
}

bool map_halt_parse(const char *text, struct map_halt *out)
{
    const char *at = text;
    *out = (struct map_halt){0};
    if (strcmp(text, "never") == 0)
        return true;
    out->wanted = true;
    out->now = take(&at, "now,");
    if (!out->now && !take(&at, "soon,"))
        return false;
    return take_what(&at, &out->what) && take_number(at, out);
}

bool map_halt_reached(const struct map_halt *h, uint64_t failed, uint64_t succeeded, uint64_t total)
{
    uint64_t count = h->what == HALT_FAIL      ? failed
                     : h->what == HALT_SUCCESS ? succeeded
                                               : failed + succeeded;
    if (!h->wanted)
        return false;
    if (h->count > 0)
        return count >= h->count;
    return total > 0 && (double)count * 100 >= (double)total * h->percent;
}
