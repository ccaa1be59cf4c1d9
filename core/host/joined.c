#include "core/host/joined.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/home_lines.h"
#include "core/host/memory.h"

#define FILE_NAME "joined"
#define TIME_MAX ((uint64_t)1 << 40)
#define WORDS 4

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
    if (!home_line_cut(line, words, WORDS) || join_id_parse(to->token, words[0]) < 0 ||
        text_to_u64(words[1], TIME_MAX, &at) < 0 || !read_id(words[2], &to->user) ||
        !read_id(words[3], &to->node))
        return false;
    to->at_s = (int64_t)at;
    return true;
}

static bool take_line(void *ctx, char *line)
{
    struct joined_list *out = ctx;
    return out->count < JOINED_MAX && read_line(line, &out->list[out->count++]);
}

int joined_read(const struct home *h, struct joined_list *out, char message[HOME_MESSAGE_SIZE])
{
    out->count = 0;
    return home_lines_read(h, FILE_NAME, take_line, out, "velum events has who joined as well",
                           message);
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
    struct buf text;
    buf_init(&text, &host_memory, HOME_LINES_MAX);
    for (uint32_t i = 0; i < all->count; i++)
        put_line(&text, &all->list[i]);
    return home_lines_write(h, FILE_NAME, &text, message);
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
