#include "core/host/home_lines.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/memory.h"

bool home_line_cut(char *line, char *words[], int count)
{
    for (int i = 0; i < count; i++) {
        words[i] = line;
        line += strcspn(line, " ");
        if (i + 1 < count && *line != ' ')
            return false;
        if (i + 1 < count)
            *line++ = '\0';
    }
    return *line == '\0';
}

static int take_all(struct buf *text, home_line *take, void *ctx)
{
    put_u8(text, 0);
    if (text->failed || memchr(text->data, 0, text->len) != text->data + text->len - 1)
        return ERR_DAMAGED;
    for (char *at = (char *)text->data; *at;) {
        char *end = strchr(at, '\n');
        if (!end)
            return ERR_DAMAGED;
        *end = '\0';
        if (!take(ctx, at))
            return ERR_DAMAGED;
        at = end + 1;
    }
    return 0;
}

static void wipe(struct buf *text)
{
    if (text->data)
        explicit_bzero(text->data, text->cap);
    buf_clear(text);
}

int home_lines_read(const struct home *h, const char *name, home_line *take, void *ctx,
                    const char *damage, char message[HOME_MESSAGE_SIZE])
{
    char path[HOME_PATH_SIZE];
    struct buf text;
    home_file(h, name, path);
    if (access(path, F_OK) != 0)
        return 0;
    buf_init(&text, &host_memory, HOME_LINES_MAX + 1);
    int rc = home_read_file(path, &text, message);
    if (rc == 0) {
        rc = take_all(&text, take, ctx);
        if (rc < 0)
            snprintf(message, HOME_MESSAGE_SIZE, "%s is damaged: remove it; %s", path, damage);
    }
    wipe(&text);
    return rc;
}

int home_lines_write(const struct home *h, const char *name, struct buf *lines,
                     char message[HOME_MESSAGE_SIZE])
{
    char path[HOME_PATH_SIZE];
    home_file(h, name, path);
    int rc = buf_result(lines);
    if (rc == 0)
        rc = home_write_file(path, buf_bytes(lines), message);
    else
        snprintf(message, HOME_MESSAGE_SIZE, "%s", err_sentence(rc));
    wipe(lines);
    return rc;
}
