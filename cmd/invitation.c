#include "cmd/invitation.h"

#include <stdio.h>
#include <string.h>

#include "cmd/noted.h"
#include "core/base/err.h"
#include "core/base/text.h"

#define TTL_DEFAULT_S 3600

static int misuse(const char *format, const char *what, const char *hint)
{
    talk_error(format, what);
    talk_try("%s", hint);
    return CODE_MISUSE;
}

static int read_opts(const struct call *c, struct invite *i)
{
    const char *roles = opt_text(c->opts, "role", "node");
    if (join_roles_parse(&i->roles, roles) < 0)
        return misuse("%s: no such role; there are node, submit, native and read", roles,
                      "velum help token");
    i->ttl_s = (int64_t)opt_number(c->opts, "ttl", (uint64_t)TTL_DEFAULT_S * 1000000) / 1000000;
    if (i->ttl_s < 1 || i->ttl_s > TOKEN_TTL_MAX_S)
        return misuse("--ttl %s: from one second to seven days", opt_text(c->opts, "ttl", ""),
                      "--ttl 1h");
    i->uses = (uint32_t)opt_number(c->opts, "uses", 1);
    i->name = opt_text(c->opts, "name", NULL);
    if (i->name && !text_is_name(i->name))
        return misuse("--name %s: 1 to 63 of a to z, 0 to 9 and -", i->name, "--name laptop");
    i->addr = opt_text(c->opts, "at", NULL);
    if (i->addr &&
        (strlen(i->addr) >= JOIN_ADDR_SIZE || strpbrk(i->addr, " ,@") || !strchr(i->addr, ':')))
        return misuse("--at %s: write HOST:PORT", i->addr, "--at 10.0.0.1:8001");
    return 0;
}

static int put(const char *path, const char *text, char *message)
{
    char line[JOIN_TEXT_SIZE + 1];
    int n = snprintf(line, sizeof line, "%s\n", text);
    if (path)
        return home_write_file(path, (struct bytes){(const uint8_t *)line, (size_t)n}, message);
    fputs(line, stdout);
    return fflush(stdout) == 0 ? 0 : ERR_IO;
}

void token_words(const struct token *t, struct token_words *to)
{
    join_id_text(t->id, to->id);
    join_roles_text(t->roles, to->roles);
    duration_iso(t->expires_s, to->until);
}

static void note(const struct token *t)
{
    char text[EVENT_TEXT_SIZE];
    struct token_words w;
    token_words(t, &w);
    snprintf(text, sizeof text, "%s, %u use%s, until %s%s%s", w.roles, t->uses,
             t->uses == 1 ? "" : "s", w.until, t->name[0] ? ", " : "", t->name);
    noted_token(EVENT_NOTE_TOKEN, t->id, text);
}

static void say_about(const struct token *t, const char *out)
{
    struct token_words w;
    token_words(t, &w);
    if (out)
        talk_line("the string is in %s", out);
    talk_line("token %s: %s, %u use%s, until %s; whoever has the string can join", w.id, w.roles,
              t->uses, t->uses == 1 ? "" : "s", w.until);
}

int invitation_refuse(int rc, const char *message)
{
    talk_error("%s", message[0] ? message : err_sentence(rc));
    if (rc == ERR_PERMISSION)
        talk_try("the same there");
    else if (rc == ERR_NOT_FOUND)
        talk_try("velum init, which makes one and opens it, or velum join STRING");
    else
        talk_try("velum doctor");
    return rc == ERR_PERMISSION  ? CODE_NOT_ALLOWED
           : rc == ERR_NOT_FOUND ? CODE_NOT_FOUND
                                 : CODE_FAILED;
}

/* Nobody has the string of a token that could not be written. */
static int failed_to_put(const struct home *h, const struct token *t, const char *out,
                         const char *message)
{
    char ignored[HOME_MESSAGE_SIZE];
    talk_error("%s", message[0] ? message : "the string cannot be written");
    talk_try(out ? "--out FILE, in a folder of yours" : "--out FILE");
    (void)tokens_revoke(h, t->id, ignored);
    noted_token(EVENT_NOTE_VOID, t->id, "");
    return CODE_FAILED;
}

int invitation_give(const struct call *c, const struct home *h)
{
    char text[JOIN_TEXT_SIZE], message[HOME_MESSAGE_SIZE] = "";
    struct invite i = {0};
    struct token t;
    const char *out = opt_text(c->opts, "out", NULL);
    int rc = read_opts(c, &i);
    if (rc != 0)
        return rc;
    rc = invite_make(h, &i, text, &t, message);
    if (rc < 0) {
        talk_error("%s", message[0] ? message : err_sentence(rc));
        talk_try("velum token list");
        return CODE_FAILED;
    }
    note(&t);
    if (put(out, text, message) < 0)
        return failed_to_put(h, &t, out, message);
    say_about(&t, out);
    if (!strchr(text, '@'))
        talk_line("no node of this mesh can be reached from other machines: velum init opens it");
    return CODE_DONE;
}
