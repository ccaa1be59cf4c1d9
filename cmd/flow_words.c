/* Words of a value in a flow's file. See flow_section.h. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/flow_section.h"
#include "core/base/err.h"

int flow_words_add(struct flow_words *w, const char *word, size_t len)
{
    /* Full at 0, 1, 2, 4, 8, ... */
    if ((w->count & (w->count - 1)) == 0) {
        char **list = realloc(w->list, (w->count == 0 ? 1 : 2 * (size_t)w->count) * sizeof *list);
        if (!list)
            return ERR_NO_MEMORY;
        w->list = list;
    }
    char *copy = malloc(len + 1);
    if (!copy)
        return ERR_NO_MEMORY;
    memcpy(copy, word, len);
    copy[len] = '\0';
    w->list[w->count++] = copy;
    return 0;
}

void flow_words_clear(struct flow_words *w)
{
    for (uint32_t i = 0; i < w->count; i++)
        free(w->list[i]);
    free(w->list);
    *w = (struct flow_words){0};
}

/* The word that begins at *at, without its quotes, to `to`. */
static int take_word(const char **at, const char *blanks, char to[FLOW_VALUE_SIZE], size_t *len)
{
    char quote = '\0';
    const char *p = *at;
    for (*len = 0; *p && *len < FLOW_VALUE_SIZE - 1; p++) {
        if (quote ? *p == quote : *p == '\'' || *p == '"')
            quote = quote ? '\0' : *p;
        else if (!quote && strchr(blanks, *p))
            break;
        else
            to[(*len)++] = *p;
    }
    *at = p;
    return quote ? ERR_FORMAT : 0;
}

int flow_words_split(struct flow_words *w, const char *text, bool commas)
{
    const char *blanks = commas ? " \t," : " \t";
    char word[FLOW_VALUE_SIZE];
    size_t len;
    int rc = 0;
    *w = (struct flow_words){0};
    while (rc == 0 && *(text += strspn(text, blanks)) != '\0') {
        rc = take_word(&text, blanks, word, &len);
        if (rc == 0)
            rc = flow_words_add(w, word, len);
    }
    return rc;
}

bool flow_word_is_pattern(const char *word)
{
    return strpbrk(word, "*?[") != NULL;
}

int flow_words_add_files(struct flow_words *w, const char *pattern)
{
    glob_t found = {0};
    int count = 0, rc = 0;
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc && rc == 0; i++, count++)
            rc = flow_words_add(w, found.gl_pathv[i], strlen(found.gl_pathv[i]));
    globfree(&found);
    return rc < 0 ? rc : count;
}
