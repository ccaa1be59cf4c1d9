#include "core/host/joined.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"

#define FILE_NAME "joined"
#define TEXT_MAX 60000
#define TIME_MAX ((uint64_t)1 << 40)
#define WORDS 4

static bool cut(char *line, char *words[WORDS])
{
    for (int i = 0; i < WORDS; i++) {
        words[i] = line;
        line += strcspn(line, " ");
        if (i + 1 < WORDS && *line != ' ')
            return false;
        if (i + 1 < WORDS)
            *line++ = '\0';
    }
    return *line == '\0';
}

static bool read_id(const char *word, struct node_id *to)
{
    *to = (struct node_id){{0}};
    return strcmp(word, "-") == 0 ||
           (strlen(word) == 2 * (size_t)ID_SIZE && id_parse_prefix(word, to->bytes) == 2 * ID_SIZE);
}

static bool read_line(char *line, struct joined *to)
{
    char *words[WORDS];
    uint64_t at;
    if (!cut(line, words) || join_id_parse(to->token, words[0]) < 0 ||
        text_to_u64(words[1], TIME_MAX, &at) < 0 || !read_id(words[2], &to->user) ||
        !read_id(words[3], &to->node))
        return false;
    to->at_s = (int64_t)at;
    return true;
}

static int read_lines(struct buf *text, struct joined_list *out)
{
    put_u8(text, 0);
    if (text->failed || memchr(text->data, 0, text->len) != text->data + text->len - 1)
        return ERR_DAMAGED;
    for (char *at = (char *)text->data; *at;) {
        char *end = strchr(at, '\n');
        if (!end || out->count == JOINED_MAX)
            return ERR_DAMAGED;
        *end = '\0';
        if (!read_line(at, &out->list[out->count++]))
            return ERR_DAMAGED;
        at = end + 1;
    }
    return 0;
}

int joined_read(const struct home *h, struct joined_list *out, char message[HOME_MESSAGE_SIZE])
{
    char path[HOME_PATH_SIZE];
    struct buf text;
    int rc;
    out->count = 0;
    home_file(h, FILE_NAME, path);
    if (access(path, F_OK) != 0)
        return 0;
    buf_init(&text, &host_memory, TEXT_MAX + 1);
    rc = home_read_file(path, true, &text, message);
    if (rc == 0) {
        rc = read_lines(&text, out);
        if (rc < 0)
            snprintf(message, HOME_MESSAGE_SIZE,
                     "%s is damaged: remove it; velum events has who joined as well", path);
    }
    buf_clear(&text);
    return rc;
}

static void put_id(struct buf *b, const struct node_id *id)
{
    char hex[ID_HEX_SIZE];
    id_hex(id->bytes, 2 * ID_SIZE, hex);
    put_u8(b, ' ');
    if (node_id_is_zero(*id))
        put_u8(b, '-');
    else
        put_raw(b, hex, strlen(hex));
}

static void put_line(struct buf *b, const struct joined *j)
{
    char line[64], id[JOIN_ID_TEXT_SIZE];
    join_id_text(j->token, id);
    int n = snprintf(line, sizeof line, "%s %lld", id, (long long)j->at_s);
    put_raw(b, line, (size_t)n);
    put_id(b, &j->user);
    put_id(b, &j->node);
    put_u8(b, '\n');
}

static int write_all(const struct home *h, const struct joined_list *all, char *message)
{
    char path[HOME_PATH_SIZE];
    struct buf text;
    home_file(h, FILE_NAME, path);
    buf_init(&text, &host_memory, TEXT_MAX);
    for (uint32_t i = 0; i < all->count; i++)
        put_line(&text, &all->list[i]);
    int rc = buf_result(&text);
    if (rc == 0)
        rc = home_write_file(path, buf_bytes(&text), message);
    else
        snprintf(message, HOME_MESSAGE_SIZE, "%s", err_sentence(rc));
    buf_clear(&text);
    return rc;
}

/* The table is too large for a stack and is not kept. */
int joined_add(const struct home *h, const struct joined *one, char message[HOME_MESSAGE_SIZE])
{
    struct joined_list *all = calloc(1, sizeof *all);
    if (!all) {
        snprintf(message, HOME_MESSAGE_SIZE, "%s", err_sentence(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    if (joined_read(h, all, message) == ERR_DAMAGED)
        all->count = 0;
    if (all->count == JOINED_MAX)
        memmove(all->list, all->list + 1, --all->count * sizeof *all->list);
    all->list[all->count++] = *one;
    int rc = write_all(h, all, message);
    free(all);
    return rc;
}
