#include "cmd/findings.h"

#include <stdarg.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/text.h"
#include "core/host/exit_code.h"

static const char *const level_names[] = {"ok", "note", "bad"};

void findings_open(struct findings *f, FILE *to, bool as_json)
{
    *f = (struct findings){.to = to, .as_json = as_json};
    if (!as_json)
        return;
    json_begin(&f->json, to);
    json_open(&f->json, NULL, '{');
    json_number(&f->json, "v", 1);
    json_open(&f->json, "findings", '[');
}

static void add_json(struct json *j, enum finding level, const char *what, const char *value,
                     const char *fix)
{
    json_open(j, NULL, '{');
    json_text(j, "level", level_names[level]);
    json_text(j, "what", what);
    json_text(j, "value", value);
    json_text(j, "try", fix);
    json_close(j, '}');
}

void findings_add(struct findings *f, enum finding level, const char *what, const char *fix,
                  const char *format, ...)
{
    char raw[FINDING_SIZE], value[FINDING_SIZE], what_to_do[FINDING_SIZE];
    va_list args;
    ensure((level == FINDING_OK) == (fix == NULL));
    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    text_sanitise(raw, strlen(raw), true, value, sizeof value);
    if (fix)
        text_sanitise(fix, strlen(fix), true, what_to_do, sizeof what_to_do);
    f->counts[level]++;
    if (f->as_json) {
        add_json(&f->json, level, what, value, fix ? what_to_do : NULL);
        return;
    }
    fprintf(f->to, "%-4s  %-13s %s\n", level_names[level], what, value);
    if (fix)
        fprintf(f->to, "      try: %s\n", what_to_do);
}

static void conclude(const struct findings *f)
{
    const unsigned bad = f->counts[FINDING_BAD], notes = f->counts[FINDING_NOTE];
    const unsigned all = bad + notes + f->counts[FINDING_OK];
    if (bad == 0 && notes == 0)
        fprintf(f->to, "all is well: %u checks\n", all);
    else if (bad == 0)
        fprintf(f->to, "nothing is bad: %u checks, %u note%s\n", all, notes, notes == 1 ? "" : "s");
    else
        fprintf(f->to, "%u %s bad: %u checks, %u note%s\n", bad, bad == 1 ? "is" : "are", all,
                notes, notes == 1 ? "" : "s");
}

int findings_close(struct findings *f)
{
    if (f->as_json) {
        json_close(&f->json, ']');
        json_number(&f->json, "checks",
                    f->counts[FINDING_OK] + f->counts[FINDING_NOTE] + f->counts[FINDING_BAD]);
        json_number(&f->json, "notes", f->counts[FINDING_NOTE]);
        json_number(&f->json, "bad", f->counts[FINDING_BAD]);
        json_close(&f->json, '}');
        fputc('\n', f->to);
    } else {
        conclude(f);
    }
    return f->counts[FINDING_BAD] ? CODE_FAILED : CODE_DONE;
}
