#include "cmd/map_words.h"

#include <stdio.h>
#include <string.h>

#include "core/base/err.h"

enum part { WHOLE, NO_EXTENSION, BASE, FOLDER, BASE_NO_EXTENSION, NUMBER };

struct place {
    size_t len;      /* of the placeholder's text */
    unsigned source; /* from 1; 0: all of them */
    enum part part;
};

static enum part part_of(const char *text, size_t len)
{
    static const struct {
        const char *text;
        enum part part;
    } parts[] = {{"", WHOLE},    {".", NO_EXTENSION},       {"/", BASE},
                 {"//", FOLDER}, {"/.", BASE_NO_EXTENSION}, {"#", NUMBER}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strlen(parts[i].text) == len && memcmp(parts[i].text, text, len) == 0)
            return parts[i].part;
    return NUMBER + 1;
}

/* Whether a placeholder stands here; anything else in braces is just text. */
static bool place_at(const char *text, struct place *p)
{
    const char *at = text + 1;
    *p = (struct place){0};
    if (text[0] != '{')
        return false;
    for (; *at >= '0' && *at <= '9' && p->source < 1000; at++)
        p->source = p->source * 10 + (unsigned)(*at - '0');
    const char *end = strchr(at, '}');
    if (!end || (text[1] == '0'))
        return false;
    p->part = part_of(at, (size_t)(end - at));
    p->len = (size_t)(end - text) + 1;
    return p->part <= NUMBER && !(p->part == NUMBER && p->source > 0);
}

static const char *find_place(const char *text, struct place *p)
{
    for (; *text; text++)
        if (place_at(text, p))
            return text;
    return NULL;
}

unsigned map_words_beyond(int argc, char *const *argv, size_t sources)
{
    struct place p;
    for (int i = 0; i < argc; i++)
        for (const char *at = argv[i]; (at = find_place(at, &p)); at += p.len)
            if (p.source > sources)
                return p.source;
    return 0;
}

/* --- one placeholder --- */

static int append(char to[ARG_SIZE_MAX], const char *text, size_t len)
{
    size_t at = strlen(to);
    if (at + len >= ARG_SIZE_MAX)
        return ERR_TOO_LARGE;
    memcpy(to + at, text, len);
    to[at + len] = 0;
    return 0;
}

/* A dot that begins a file's name begins no extension. */
static size_t without_extension(const char *base, size_t len)
{
    for (size_t i = len; i > 1; i--)
        if (base[i - 1] == '.')
            return i - 1;
    return len;
}

static int append_part(char to[ARG_SIZE_MAX], const char *value, enum part part)
{
    const char *slash = strrchr(value, '/');
    const char *base = slash ? slash + 1 : value;
    const size_t before = (size_t)(base - value), len = strlen(base);
    switch (part) {
    case NO_EXTENSION:
        return append(to, value, before + without_extension(base, len));
    case BASE:
        return append(to, base, len);
    case BASE_NO_EXTENSION:
        return append(to, base, without_extension(base, len));
    case FOLDER:
        if (!slash)
            return append(to, ".", 1);
        return append(to, value, slash == value ? 1 : (size_t)(slash - value));
    default:
        return append(to, value, before + len);
    }
}

static int append_place(char to[ARG_SIZE_MAX], const struct place *p, const struct map_input *in)
{
    char number[24];
    int rc = 0;
    if (p->part == NUMBER) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)in->seq);
        return append(to, number, strlen(number));
    }
    if (p->source > 0)
        return p->source <= in->count ? append_part(to, in->values[p->source - 1], p->part) : 0;
    for (size_t i = 0; i < in->count && rc == 0; i++) {
        rc = i > 0 ? append(to, " ", 1) : 0;
        rc = rc == 0 ? append_part(to, in->values[i], p->part) : rc;
    }
    return rc;
}

/* --- the words --- */

static int add_word(struct map_words *out, char **to)
{
    if (out->count == ARGS_COUNT_MAX)
        return ERR_FULL;
    *to = out->text[out->count];
    out->list[out->count++] = *to;
    (*to)[0] = 0;
    return 0;
}

static int add_values(struct map_words *out, const struct map_input *in)
{
    char *to;
    int rc = 0;
    for (size_t i = 0; i < in->count && rc == 0; i++) {
        rc = add_word(out, &to);
        rc = rc == 0 ? append_part(to, in->values[i], WHOLE) : rc;
    }
    return rc;
}

static int add_filled(struct map_words *out, const char *word, const struct map_input *in)
{
    char *to;
    int rc = add_word(out, &to);
    return rc < 0 ? rc : map_words_fill(to, word, in);
}

int map_words_make(struct map_words *out, int argc, char *const *argv, const struct map_input *in)
{
    struct place p;
    bool any = false;
    int rc = 0;
    out->count = 0;
    for (int i = 0; i < argc && rc == 0; i++) {
        any |= find_place(argv[i], &p) != NULL;
        rc = strcmp(argv[i], "{}") == 0 ? add_values(out, in) : add_filled(out, argv[i], in);
    }
    return rc == 0 && !any ? add_values(out, in) : rc;
}

bool map_words_has_place(const char *text)
{
    struct place p;
    return find_place(text, &p) != NULL;
}

int map_words_fill(char to[ARG_SIZE_MAX], const char *word, const struct map_input *in)
{
    const char *place;
    struct place p;
    int rc = 0;
    to[0] = '\0';
    while (rc == 0 && (place = find_place(word, &p))) {
        rc = append(to, word, (size_t)(place - word));
        rc = rc == 0 ? append_place(to, &p, in) : rc;
        word = place + p.len;
    }
    return rc == 0 ? append(to, word, strlen(word)) : rc;
}
