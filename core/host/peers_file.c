#include "core/host/peers_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"

#define TEXT_MAX 20000

struct list {
    uint32_t count;
    char addrs[PEERS_FILE_MAX][JOIN_ADDR_SIZE];
};

/* The newest come first, and the oldest make room. */
static void add(void *ctx, const char *addr)
{
    struct list *l = ctx;
    for (uint32_t i = 0; i < l->count; i++)
        if (strcmp(l->addrs[i], addr) == 0)
            return;
    if (l->count < PEERS_FILE_MAX)
        text_copy(l->addrs[l->count++], JOIN_ADDR_SIZE, addr);
}

static bool is_plain(const char *line)
{
    for (const char *at = line; *at; at++)
        if (*at <= ' ' || *at > '~')
            return false;
    return strlen(line) < JOIN_ADDR_SIZE && strchr(line, ':');
}

/* Whole lines of a small file of the home folder. */
static void read_file(const struct home *h, const char *name,
                      void (*found)(void *ctx, const char *line), void *ctx)
{
    char path[HOME_PATH_SIZE], message[HOME_MESSAGE_SIZE];
    struct buf text;
    home_file(h, name, path);
    if (access(path, F_OK) != 0)
        return;
    buf_init(&text, &host_memory, TEXT_MAX);
    if (home_read_file(path, &text, message) == 0) {
        put_u8(&text, 0);
        for (char *at = text.failed ? NULL : (char *)text.data, *end; at && *at; at = end + 1) {
            end = strchr(at, '\n');
            if (!end)
                break;
            *end = '\0';
            found(ctx, at);
        }
    }
    buf_clear(&text);
}

struct caller {
    void (*found)(void *ctx, const char *addr);
    void *ctx;
};

static void pass_on(void *ctx, const char *line)
{
    const struct caller *c = ctx;
    if (is_plain(line))
        c->found(c->ctx, line);
}

void peers_file_read(const struct home *h, void (*found)(void *ctx, const char *addr), void *ctx)
{
    struct caller c = {found, ctx};
    read_file(h, "peers", pass_on, &c);
}

static int stage_list(struct staged *to, const struct home *h, const struct list *l, char *message)
{
    char path[HOME_PATH_SIZE];
    struct buf text;
    home_file(h, "peers", path);
    buf_init(&text, &host_memory, TEXT_MAX);
    for (uint32_t i = 0; i < l->count; i++) {
        put_raw(&text, l->addrs[i], strlen(l->addrs[i]));
        put_u8(&text, '\n');
    }
    int rc = buf_result(&text);
    if (rc == 0)
        rc = staged_add(to, path, buf_bytes(&text), message);
    buf_clear(&text);
    return rc;
}

int peers_file_stage(struct staged *to, const struct home *h, const char *asked,
                     const struct join_answer *answer, bool node, char message[HOME_MESSAGE_SIZE])
{
    static struct list l;
    static const struct bytes every = {(const uint8_t *)"0.0.0.0\n", 8};
    char addr[OPEN_ADDR_SIZE], path[HOME_PATH_SIZE];
    l.count = 0;
    add(&l, asked);
    for (uint32_t i = 0; i < answer->addrs_count; i++)
        add(&l, answer->addrs[i]);
    peers_file_read(h, add, &l);
    int rc = stage_list(to, h, &l, message);
    if (rc < 0 || !node || home_open_address(h, addr) == 0)
        return rc;
    home_file(h, "open", path);
    return staged_add(to, path, every, message);
}

static void take_line(void *ctx, const char *line)
{
    char *to = ctx;
    if (!to[0] && line[0])
        text_copy(to, OPEN_ADDR_SIZE, line);
}

int home_open_address(const struct home *h, char to[OPEN_ADDR_SIZE])
{
    to[0] = '\0';
    read_file(h, "open", take_line, to);
    return to[0] ? 0 : ERR_NOT_FOUND;
}

int home_open_write(const struct home *h, const char *bind, char message[HOME_MESSAGE_SIZE])
{
    char path[HOME_PATH_SIZE], line[OPEN_ADDR_SIZE + 1];
    home_file(h, "open", path);
    if (!bind[0]) {
        unlink(path);
        return 0;
    }
    if (strlen(bind) >= OPEN_ADDR_SIZE) {
        snprintf(message, HOME_MESSAGE_SIZE, "the address %.64s is too long", bind);
        return ERR_TOO_LARGE;
    }
    int n = snprintf(line, sizeof line, "%s\n", bind);
    return home_write_file(path, (struct bytes){(const uint8_t *)line, (size_t)n}, message);
}
