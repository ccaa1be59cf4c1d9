#include "cmd/token_list.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/invitation.h"
#include "cmd/view_json.h"
#include "cmd/view_text.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/ask.h"
#include "core/host/joined.h"
#include "core/host/loop.h"
#include "core/wire/message.h"

#define NAMES_US (2 * S_US)
#define REQUEST 1

struct listing {
    struct tokens tokens;
    struct joined_list joined;
    char names[JOINED_MAX][NODE_NAME_SIZE]; /* of the nodes that joined; "" where nobody says */
};

/* --- what is there --- */

static void name_it(struct listing *l, const struct node_view *v)
{
    for (uint32_t i = 0; i < l->joined.count; i++)
        if (node_id_equal(l->joined.list[i].node, v->id))
            text_copy(l->names[i], NODE_NAME_SIZE, v->name);
}

/* A node that runs here knows how others call themselves; without one there are ids. */
static void ask_names(struct listing *l)
{
    const struct ask_options nearest = {0};
    const struct instant until = instant_plus_us(loop_clock(), NAMES_US);
    char message[ASK_MESSAGE_SIZE];
    struct frame frame = {.type = MESSAGE_REPLY_NODE};
    struct node_view v;
    struct ask *a = NULL;
    if (l->joined.count == 0 || ask_open(&a, &nearest, message) < 0)
        return;
    int rc = ask_send(a, MESSAGE_REQUEST_NODES, REQUEST, (struct bytes){0});
    while (rc == 0 && frame.type == MESSAGE_REPLY_NODE) {
        rc = ask_next(a, until, &frame) == 1 ? 0 : ERR_TIMEOUT;
        if (rc == 0 && frame.type == MESSAGE_REPLY_NODE && read_node_view(frame.payload, &v) == 0)
            name_it(l, &v);
    }
    ask_close(a);
}

static const char *state_of(const struct token *t)
{
    if (t->uses == 0)
        return t->bad == TOKEN_BAD_MAX ? "guessed at" : "void";
    const int64_t now_s = (int64_t)time(NULL);
    return token_is_ahead(t, now_s) ? "ahead" : now_s >= t->expires_s ? "ended" : "good";
}

/* --- how it is told --- */

static void json_id(struct json *j, const char *key, const struct node_id *id)
{
    char hex[ID_HEX_SIZE];
    id_hex(id->bytes, 2 * ID_SIZE, hex);
    json_text(j, key, node_id_is_zero(*id) ? NULL : hex);
}

static void json_tokens(struct json *j, const struct tokens *all)
{
    json_open(j, "tokens", '[');
    for (uint32_t i = 0; i < all->count; i++) {
        const struct token *t = &all->list[i];
        struct token_words w;
        token_words(t, &w);
        json_open(j, NULL, '{');
        json_text(j, "id", w.id);
        json_text(j, "name", t->name[0] ? t->name : NULL);
        json_text(j, "roles", w.roles);
        json_text(j, "until", w.until);
        json_number(j, "uses", t->uses);
        json_text(j, "state", state_of(t));
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void print_json(const struct listing *l)
{
    struct json j;
    json_begin(&j, stdout);
    json_open(&j, NULL, '{');
    json_number(&j, "v", 1);
    json_tokens(&j, &l->tokens);
    json_open(&j, "joined", '[');
    for (uint32_t i = 0; i < l->joined.count; i++) {
        const struct joined *one = &l->joined.list[i];
        char when[DURATION_TEXT_SIZE], token[JOIN_ID_TEXT_SIZE];
        duration_iso(one->at_s, when);
        join_id_text(one->token, token);
        json_open(&j, NULL, '{');
        json_text(&j, "at", when);
        json_text(&j, "token", token);
        json_id(&j, "user", &one->user);
        json_id(&j, "node", &one->node);
        json_text(&j, "name", l->names[i][0] ? l->names[i] : NULL);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    fputc('\n', stdout);
}

static void print_tokens(const struct tokens *all)
{
    struct grid g;
    grid_init(&g, 6);
    static const char *const head[] = {"TOKEN", "NAME", "ROLES", "UNTIL", "USES", "STATE"};
    for (size_t i = 0; i < 6; i++)
        grid_add(&g, "%s", head[i]);
    for (uint32_t i = 0; i < all->count; i++) {
        const struct token *t = &all->list[i];
        struct token_words w;
        token_words(t, &w);
        grid_add(&g, "%s", w.id);
        grid_add(&g, "%s", t->name[0] ? t->name : "-");
        grid_add(&g, "%s", w.roles);
        grid_add(&g, "%s", w.until);
        grid_add(&g, "%u", t->uses);
        grid_add(&g, "%s", state_of(t));
    }
    grid_print(&g, stdout);
    grid_clear(&g);
}

static void add_id(struct grid *g, const struct node_id *id, size_t digits)
{
    char hex[ID_HEX_SIZE];
    id_hex(id->bytes, digits, hex);
    grid_add(g, "%s", node_id_is_zero(*id) ? "-" : hex);
}

static void print_joined(const struct listing *l)
{
    struct grid g;
    grid_init(&g, 5);
    static const char *const head[] = {"JOINED", "TOKEN", "USER", "NODE", "NAME"};
    for (size_t i = 0; i < 5; i++)
        grid_add(&g, "%s", head[i]);
    for (uint32_t i = 0; i < l->joined.count; i++) {
        const struct joined *one = &l->joined.list[i];
        char when[DURATION_TEXT_SIZE], token[JOIN_ID_TEXT_SIZE];
        duration_iso(one->at_s, when);
        join_id_text(one->token, token);
        grid_add(&g, "%s", when);
        grid_add(&g, "%s", token);
        add_id(&g, &one->user, 16);
        add_id(&g, &one->node, 8);
        grid_add(&g, "%s", l->names[i][0] ? l->names[i] : "-");
    }
    fputc('\n', stdout);
    grid_print(&g, stdout);
    grid_clear(&g);
}

int token_list(const struct home *h, bool as_json)
{
    static struct listing l;
    char message[HOME_MESSAGE_SIZE] = "";
    int rc = tokens_read(h, &l.tokens, message);
    if (rc == 0)
        rc = joined_read(h, &l.joined, message);
    if (rc < 0) {
        talk_error("%s", message[0] ? message : err_sentence(rc));
        talk_try("velum doctor");
        return CODE_FAILED;
    }
    ask_names(&l);
    if (as_json) {
        print_json(&l);
        return CODE_DONE;
    }
    print_tokens(&l.tokens);
    if (l.joined.count > 0)
        print_joined(&l);
    return CODE_DONE;
}
