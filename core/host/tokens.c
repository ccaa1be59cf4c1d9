#include "core/host/tokens.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/host/home_lines.h"
#include "core/host/memory.h"

#define FILE_NAME "tokens"
#define SHOWN_S ((int64_t)24 * 3600)
#define EXPIRES_MAX ((uint64_t)1 << 40)
#define LINE_FIELDS 7

struct digest token_verifier(const uint8_t id[JOIN_ID_SIZE], const uint8_t secret[JOIN_SECRET_SIZE])
{
    static const char word[] = "velum join secret 1";
    uint8_t text[sizeof word + JOIN_ID_SIZE + JOIN_SECRET_SIZE];
    memcpy(text, word, sizeof word);
    memcpy(text + sizeof word, id, JOIN_ID_SIZE);
    memcpy(text + sizeof word + JOIN_ID_SIZE, secret, JOIN_SECRET_SIZE);
    struct digest d = sha256_of(text, sizeof text);
    explicit_bzero(text, sizeof text);
    return d;
}

bool token_is_ahead(const struct token *t, int64_t now_s)
{
    return t->expires_s > now_s + TOKEN_TTL_MAX_S + TOKEN_CLOCK_S;
}

static bool read_line(char *line, struct token *t)
{
    char *words[LINE_FIELDS];
    uint64_t expires, uses, bad;
    if (!home_line_cut(line, words, LINE_FIELDS) || join_id_parse(t->id, words[0]) < 0 ||
        join_roles_parse(&t->roles, words[1]) < 0 ||
        text_to_u64(words[2], EXPIRES_MAX, &expires) < 0 ||
        text_to_u64(words[3], TOKEN_USES_MAX, &uses) < 0 ||
        text_to_u64(words[4], TOKEN_BAD_MAX, &bad) < 0 || strlen(words[5]) != 2 * (size_t)ID_SIZE ||
        id_parse_prefix(words[5], t->verifier.bytes) != 2 * ID_SIZE)
        return false;
    t->expires_s = (int64_t)expires;
    t->uses = (uint32_t)uses;
    t->bad = (uint32_t)bad;
    t->name[0] = '\0';
    return strcmp(words[6], "-") == 0 ||
           (text_is_name(words[6]) && text_copy(t->name, sizeof t->name, words[6]));
}

static bool take_line(void *ctx, char *line)
{
    struct tokens *out = ctx;
    return out->count < TOKENS_MAX && read_line(line, &out->list[out->count++]);
}

int tokens_read(const struct home *h, struct tokens *out, char message[HOME_MESSAGE_SIZE])
{
    out->count = 0;
    return home_lines_read(h, FILE_NAME, take_line, out,
                           "strings to join by that were printed before are then void", message);
}

static void put_line(struct buf *b, const struct token *t)
{
    char line[512], id[JOIN_ID_TEXT_SIZE], roles[40], hex[ID_HEX_SIZE];
    join_id_text(t->id, id);
    join_roles_text(t->roles, roles);
    id_hex(t->verifier.bytes, 2 * ID_SIZE, hex);
    int n = snprintf(line, sizeof line, "%s %s %lld %u %u %s %s\n", id, roles,
                     (long long)t->expires_s, t->uses, t->bad, hex, t->name[0] ? t->name : "-");
    put_raw(b, line, (size_t)n);
    explicit_bzero(line, sizeof line);
}

static int write_all(const struct home *h, const struct tokens *all, char *message)
{
    struct buf text;
    buf_init(&text, &host_memory, HOME_LINES_MAX);
    buf_reserve(&text, HOME_LINES_MAX); /* it must not move: what it leaves is not wiped */
    for (uint32_t i = 0; i < all->count; i++)
        put_line(&text, &all->list[i]);
    return home_lines_write(h, FILE_NAME, &text, message);
}

static void drop_ended(struct tokens *all, int64_t now_s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < all->count; i++)
        if (all->list[i].expires_s + SHOWN_S > now_s)
            all->list[kept++] = all->list[i];
    all->count = kept;
}

/* Somebody may still come with it. */
static bool is_good(const struct token *t, int64_t now_s)
{
    return t->uses > 0 && now_s < t->expires_s;
}

/* Of a full list the first that is good for nothing any more goes before its time. */
static void drop_one(struct tokens *all, int64_t now_s)
{
    for (uint32_t i = 0; i < all->count; i++) {
        if (is_good(&all->list[i], now_s))
            continue;
        memmove(&all->list[i], &all->list[i + 1], (all->count - i - 1) * sizeof *all->list);
        all->count--;
        return;
    }
}

static int append(const struct home *h, struct tokens *all, const struct token *t, int64_t now_s,
                  char *message)
{
    int rc = tokens_read(h, all, message);
    if (rc < 0)
        return rc;
    drop_ended(all, now_s);
#if VELUM_PLANT != 1076 /* unit/test_tokens: strings that have ended keep others from being made */
    if (all->count == TOKENS_MAX)
        drop_one(all, now_s);
#endif
    if (all->count == TOKENS_MAX) {
        snprintf(message, HOME_MESSAGE_SIZE,
                 "there are %d good strings to join by already: velum token revoke ID ends one",
                 TOKENS_MAX);
        return ERR_FULL;
    }
    all->list[all->count++] = *t;
    return write_all(h, all, message);
}

/* The table is too large for a stack and is not kept. */
static struct tokens *tokens_new(char *message)
{
    struct tokens *all = calloc(1, sizeof *all);
    if (!all)
        snprintf(message, HOME_MESSAGE_SIZE, "%s", err_sentence(ERR_NO_MEMORY));
    return all;
}

static void tokens_free(struct tokens *all)
{
    explicit_bzero(all, sizeof *all);
    free(all);
}

int tokens_add(const struct home *h, const struct token *t, int64_t now_s,
               char message[HOME_MESSAGE_SIZE])
{
    struct tokens *all = tokens_new(message);
    if (!all)
        return ERR_NO_MEMORY;
    int lock = home_lock(h, message);
    int rc = lock < 0 ? lock : append(h, all, t, now_s, message);
    if (lock >= 0)
        close(lock);
    tokens_free(all);
    return rc;
}

static int end_those(const struct home *h, struct tokens *all, const uint8_t *id, char *message)
{
    int ended = 0, rc = tokens_read(h, all, message);
    for (uint32_t i = 0; rc == 0 && i < all->count; i++) {
        struct token *t = &all->list[i];
        if (t->uses == 0 || (id && memcmp(t->id, id, JOIN_ID_SIZE) != 0))
            continue;
        t->uses = 0;
        ended++;
    }
    if (rc == 0 && ended > 0)
        rc = write_all(h, all, message);
    return rc < 0 ? rc : ended;
}

int tokens_revoke(const struct home *h, const uint8_t *id, char message[HOME_MESSAGE_SIZE])
{
    struct tokens *all = tokens_new(message);
    if (!all)
        return ERR_NO_MEMORY;
    int lock = home_lock(h, message);
    int rc = lock < 0 ? lock : end_those(h, all, id, message);
    if (lock >= 0)
        close(lock);
    tokens_free(all);
    return rc;
}

static struct token *find(struct tokens *all, const uint8_t id[JOIN_ID_SIZE])
{
    for (uint32_t i = 0; i < all->count; i++)
        if (memcmp(all->list[i].id, id, JOIN_ID_SIZE) == 0)
            return &all->list[i];
    return NULL;
}

int tokens_forget(const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    char path[HOME_PATH_SIZE];
    struct tokens *all = tokens_new(message);
    int good = 0;
    if (!all)
        return ERR_NO_MEMORY;
    if (tokens_read(h, all, message) == 0)
        for (uint32_t i = 0; i < all->count; i++)
            good += all->list[i].uses > 0;
    tokens_free(all);
    home_file(h, FILE_NAME, path);
    return unlink(path) == 0 || errno == ENOENT ? good
                                                : home_say_errno(message, "cannot delete", path);
}

bool tokens_know(const struct home *h, const uint8_t id[JOIN_ID_SIZE])
{
    char message[HOME_MESSAGE_SIZE];
    struct tokens *all = tokens_new(message);
    if (!all)
        return false;
    const bool known = tokens_read(h, all, message) == 0 && find(all, id);
    tokens_free(all);
    return known;
}

/* Who guesses has five tries. Whoever knows the id alone can so end a token, and no more. */
static int count_bad(const struct home *h, struct tokens *all, struct token *t, char *message)
{
#if VELUM_PLANT != 887 /* unit/test_tokens: a token can be guessed at for ever */
    if (++t->bad == TOKEN_BAD_MAX)
        t->uses = 0;
#endif
    return write_all(h, all, message);
}

static int write_down(const struct home *h, const struct token *t, int64_t now_s,
                      const struct redeeming *by, char *message)
{
    struct joined one = {.at_s = now_s};
    memcpy(one.token, t->id, sizeof one.token);
    by->who(by->ctx, &one);
    return joined_add(h, &one, message);
}

static int redeem(const struct home *h, struct tokens *all, const uint8_t id[JOIN_ID_SIZE],
                  int64_t now_s, const struct redeeming *by, struct token *out, char *message)
{
    static const struct digest nobody = {{0}};
    int rc = tokens_read(h, all, message);
    if (rc < 0)
        return rc;
    struct token *t = find(all, id);
    bool right = by->holds(by->ctx, t ? &t->verifier : &nobody);
    snprintf(message, HOME_MESSAGE_SIZE, "no such token, or it may not be used");
    if (!t || !is_good(t, now_s))
        return ERR_PERMISSION;
#if VELUM_PLANT != 1125 /* unit/test_tokens: made by a clock that was ahead it is good for years */
    if (token_is_ahead(t, now_s)) {
        snprintf(message, HOME_MESSAGE_SIZE,
                 "it was made by a clock that was ahead, or this machine's is behind");
        return ERR_PERMISSION;
    }
#endif
    if (!right) {
        rc = count_bad(h, all, t, message);
        return rc < 0 ? rc : ERR_PERMISSION;
    }
    if (by->may && !by->may(by->ctx, t, message))
        return ERR_PERMISSION;
    *out = *t;
#if VELUM_PLANT != 886 /* unit/test_tokens: a use is not counted */
    t->uses--;
#endif
    rc = write_all(h, all, message);
    return rc < 0 ? rc : write_down(h, out, now_s, by, message);
}

int tokens_redeem(const struct home *h, const uint8_t id[JOIN_ID_SIZE], int64_t now_s,
                  const struct redeeming *by, struct token *out, char message[HOME_MESSAGE_SIZE])
{
    struct tokens *all = tokens_new(message);
    if (!all)
        return ERR_NO_MEMORY;
    int lock = home_try_lock(h, message);
    int rc = lock < 0 ? lock : redeem(h, all, id, now_s, by, out, message);
    if (lock >= 0)
        close(lock);
    tokens_free(all);
    return rc;
}
