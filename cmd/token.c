#include <stdio.h>
#include <string.h>

#include "cmd/invitation.h"
#include "cmd/noted.h"
#include "cmd/token_list.h"
#include "core/base/err.h"

static const struct opt opts[] = {
    INVITATION_OPTS,
    {.name = "all", .letter = 'a', .kind = OPT_SWITCH, .effect = "revoke every one"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "list as JSON"},
    {0},
};

static int failed(const char *message, int rc)
{
    talk_error("%s", message[0] ? message : err_sentence(rc));
    talk_try("velum token list");
    return CODE_FAILED;
}

static int say_revoked(const char *which, int count)
{
    if (count == 0) {
        talk_error("\"%.80s\": no such token that could still be used", which);
        talk_try("velum token list");
        return CODE_NOT_FOUND;
    }
    talk_line("%s%s; who joined before stays", which, count == 1 ? " is revoked" : " are revoked");
    return CODE_DONE;
}

static int revoke_all(const struct home *h)
{
    char message[HOME_MESSAGE_SIZE] = "", which[32] = "--all";
    int rc = tokens_revoke(h, NULL, message);
    if (rc > 0)
        noted_token(EVENT_NOTE_VOID, NULL, "every one");
    if (rc > 0)
        snprintf(which, sizeof which, "%d token%s", rc, rc == 1 ? "" : "s");
    return rc < 0 ? failed(message, rc) : say_revoked(which, rc);
}

static int revoke_each(const struct call *c, const struct home *h)
{
    int code = CODE_DONE;
    for (int i = 1; i < c->argc; i++) {
        uint8_t id[JOIN_ID_SIZE];
        char message[HOME_MESSAGE_SIZE] = "";
        int rc = join_id_parse(id, c->argv[i]);
        if (rc == 0)
            rc = tokens_revoke(h, id, message);
        else
            rc = 0;
        if (rc > 0)
            noted_token(EVENT_NOTE_VOID, id, "");
        int one = rc < 0 ? failed(message, rc) : say_revoked(c->argv[i], rc);
        code = code == CODE_DONE ? one : code;
    }
    return code;
}

static int misuse(const char *text)
{
    talk_error("%s", text);
    talk_try("velum help token");
    return CODE_MISUSE;
}

static int refuse_word(const char *what)
{
    talk_error("strings can be created, listed and revoked; \"%.40s\" is none of that", what);
    talk_try("velum help token");
    return CODE_MISUSE;
}

static int run(const struct call *c)
{
    struct home h;
    char message[HOME_MESSAGE_SIZE] = "";
    const char *what = c->argv[0];
    const bool create = strcmp(what, "create") == 0, lists = strcmp(what, "list") == 0;
    if (!create && !lists && strcmp(what, "revoke") != 0)
        return refuse_word(what);
    if ((create || lists) && c->argc > 1)
        return misuse("create and list take options only");
    if (!create && !lists && (c->argc > 1) == opt_given(c->opts, "all"))
        return misuse("revoke takes ids, or --all");
    int rc = create ? invite_open(&h, message) : invite_look(&h, message);
    if (rc < 0)
        return invitation_refuse(rc, message);
    if (create)
        return invitation_give(c, &h);
    if (lists)
        return token_list(&h, opt_given(c->opts, "json"));
    return c->argc > 1 ? revoke_each(c, &h) : revoke_all(&h);
}

const struct cmd cmd_token = {
    .name = "token",
    .args = "create|list|revoke [ID...]",
    .summary = "make, list and end strings that others join this mesh by",
    .more =
        "create prints a string; roles are node (lends its slots; may look), submit (runs kernels\n"
        "that nodes have), native (runs C source and plugins as well) and read (looks). A machine\n"
        "that is to lend and to use takes both: --role node,native. There is no admin's string.\n"
        "Only what checks the string is kept, never the string itself; five wrong guesses end it.\n"
        "list says who came by which as well, the last 256; with --json ids are whole, as revoke\n"
        "takes a user's.",
    .group = GROUP_MESH,
    .takes = TAKES_WORD,
    .opts = opts,
    .args_min = 1,
    .args_max = CMD_ARGS_MAX,
    .run = run,
};
