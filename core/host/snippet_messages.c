#include "core/host/snippet_messages.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/host/snippet_headers.h"

#define LINE_SIZE 512
#define WORD_SIZE 64
#define NOWHERE SIZE_MAX

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static char at(struct bytes source, size_t i)
{
    return i < source.len ? (char)source.data[i] : '\0';
}

size_t snippet_messages_skip(struct bytes source, size_t i)
{
    const char c = at(source, i);
    if (c == '/' && at(source, i + 1) == '/') {
        while (i < source.len && at(source, i) != '\n')
            i++;
    } else if (c == '/' && at(source, i + 1) == '*') {
        for (i += 2; i < source.len; i++)
            if (at(source, i) == '*' && at(source, i + 1) == '/')
                return i + 2;
    } else if (c == '"' || c == '\'') {
        for (i++; i < source.len && at(source, i) != c && at(source, i) != '\n'; i++)
            i += at(source, i) == '\\';
        i++;
    }
    return i < source.len ? i : source.len;
}

static bool stands_at(struct bytes source, size_t i, const char *word, size_t len)
{
    return len <= source.len - i && memcmp(source.data + i, word, len) == 0 &&
           (!is_word(word[0]) || i == 0 || !is_word(at(source, i - 1))) &&
           (!is_word(word[len - 1]) || !is_word(at(source, i + len)));
}

/* Where in [from, end) the word stands first. */
static size_t find_word(struct bytes source, size_t from, size_t end, const char *word)
{
    const size_t len = strlen(word);
    for (size_t i = 0; i < end;) {
        const size_t behind = snippet_messages_skip(source, i);
        if (behind == i && i >= from && stands_at(source, i, word, len))
            return i;
        i = behind > i ? behind : i + 1;
    }
    return NOWHERE;
}

static size_t start_of_line(struct bytes source, unsigned long line)
{
    size_t i = 0;
    while (line > 1 && i < source.len)
        line -= source.data[i++] == '\n';
    return i;
}

static size_t end_of_line(struct bytes source, size_t i)
{
    while (i < source.len && source.data[i] != '\n')
        i++;
    return i;
}

static bool quoted_word(const char *text, char word[WORD_SIZE])
{
    /* What was found counts, and not what was expected. */
#if VELUM_PLANT == 1088 /* unit/test_snippet: the column is that of what is not there */
    const char *got = NULL;
#else
    const char *got = strstr(text, "(got \"");
#endif
    const char mark = got ? '"' : '\'';
    const char *open = strchr(got ? got : text, mark);
    const char *close = open ? strchr(open + 1, mark) : NULL;
    if (!close || close == open + 1 || close - open > WORD_SIZE - 1)
        return false;
    memcpy(word, open + 1, (size_t)(close - open - 1));
    word[close - open - 1] = '\0';
    return true;
}

/* From 1, or 0. */
static size_t column_of(struct bytes source, unsigned long line, const char *text)
{
    char word[WORD_SIZE];
    const size_t start = start_of_line(source, line), end = end_of_line(source, start);
    if (!quoted_word(text, word))
        return 0;
    const size_t found = find_word(source, start, end, word);
    if (found == NOWHERE || find_word(source, found + 1, end, word) != NOWHERE)
        return 0;
    return found - start + 1;
}

static void add_line(struct snippet_messages *m, const char *line, bool is_error)
{
    char safe[LINE_SIZE];
    const size_t len = text_sanitise(line, strlen(line), true, safe, sizeof safe);
    if (is_error && m->errors++ == 0)
        text_copy(m->first, sizeof m->first, safe);
    if (len + 1 >= sizeof m->text - m->len)
        return;
    memcpy(m->text + m->len, safe, len);
    m->len += len;
    m->text[m->len++] = '\n';
    m->text[m->len] = '\0';
}

/* Of the line behind one that begins there, which may say so itself. */
static unsigned long number_behind(struct bytes source, size_t start, unsigned long number)
{
    static const char word[] = "#line ";
    const size_t len = sizeof word - 1;
    if (source.len - start < len || memcmp(source.data + start, word, len) != 0)
        return number + 1;
    unsigned long said = 0;
    for (size_t i = start + len; at(source, i) >= '0' && at(source, i) <= '9'; i++)
        said = said * 10 + (unsigned long)(at(source, i) - '0');
    return said;
}

static void add_error_at(struct snippet_messages *m, size_t place, const char *text)
{
    char line[LINE_SIZE];
    size_t start = 0;
    unsigned long number = 1;
    for (size_t i = 0; i < place; i++) {
        if (m->source.data[i] != '\n')
            continue;
        number = number_behind(m->source, start, number);
        start = i + 1;
    }
    snprintf(line, sizeof line, "%.255s:%lu:%zu: %.200s", m->name, number, place - start + 1, text);
    add_line(m, line, true);
}

/* "undefined symbol 'f'": the first place that has it. */
static void add_undefined(struct snippet_messages *m, const char *text)
{
    char word[WORD_SIZE], line[LINE_SIZE];
    size_t found = NOWHERE;
    if (quoted_word(text, word))
        found = find_word(m->source, 0, m->source.len, word);
    if (found != NOWHERE) {
        add_error_at(m, found, text);
        return;
    }
    snprintf(line, sizeof line, "%.255s: %.200s", m->name, text);
    add_line(m, line, true);
}

static void add_located(struct snippet_messages *m, const char *said, const char *digits)
{
    char line[LINE_SIZE], *text;
    const unsigned long number = strtoul(digits, &text, 10);
    const size_t column = column_of(m->source, number, text);
    if (column > 0)
        snprintf(line, sizeof line, "%.255s:%lu:%zu%.220s", m->name, number, column, text);
    else
        text_copy(line, sizeof line, said);
    add_line(m, line, strstr(text, ": error: ") == text);
}

static void add_one(struct snippet_messages *m, const char *said)
{
    static const char nowhere[] = "tcc: ";
    const size_t len = strlen(m->name);
    if (strncmp(said, m->name, len) == 0 && said[len] == ':' && said[len + 1] >= '0' &&
        said[len + 1] <= '9')
        add_located(m, said, said + len + 1);
    else if (strncmp(said, nowhere, sizeof nowhere - 1) == 0)
        add_undefined(m, said + sizeof nowhere - 1);
    else
        add_line(m, said, strstr(said, ": error: ") != NULL);
}

/* How it came to a file is of interest where that is one of ours. */
static const char *skip_stack(const char *said)
{
    static const char came[] = "In file included from ";
    const char *last = said;
    while (strncmp(last, came, sizeof came - 1) == 0 && strchr(last, '\n'))
        last = strchr(last, '\n') + 1;
    return strncmp(last, SNIPPET_HEADERS_FOLDER, strlen(SNIPPET_HEADERS_FOLDER)) == 0 ? said : last;
}

void snippet_messages_add(struct snippet_messages *m, const char *said)
{
    char line[2 * PATH_SIZE_MAX];
    said = skip_stack(said);
    while (*said) {
        const size_t len = strcspn(said, "\n");
        snprintf(line, sizeof line, "%.*s", (int)(len < sizeof line ? len : sizeof line - 1), said);
        add_one(m, line);
        said += len + (said[len] == '\n');
    }
}

void snippet_messages_error_at(struct snippet_messages *m, size_t place, const char *text)
{
    char error[LINE_SIZE];
    snprintf(error, sizeof error, "error: %.190s", text);
    add_error_at(m, place, error);
}

void snippet_messages_error(struct snippet_messages *m, const char *text)
{
    char line[LINE_SIZE];
    snprintf(line, sizeof line, "%.200s: error: %.280s", m->name, text);
    add_line(m, line, true);
}

void snippet_messages_note(struct snippet_messages *m, const char *text)
{
    char line[LINE_SIZE];
    snprintf(line, sizeof line, "%.200s: note: %.280s", m->name, text);
    add_line(m, line, false);
}
