#include <stdio.h>
#include <string.h>

#include "cmd/acting.h"
#include "cmd/jobs.h"
#include "cmd/view_json.h"
#include "core/base/text.h"
#include "core/host/identity.h"
#include "core/host/root_key.h"

static const struct opt opts[] = {
    {.name = "reason", .kind = OPT_TEXT, .value = "TEXT", .effect = "said to whom it concerns"},
    {.name = "force", .kind = OPT_SWITCH, .effect = "also the node asked, or your own key"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print JSON"},
    {0},
};

static bool is_own(struct line *l, const struct acting_subject *s)
{
    const struct identity *i = line_identity(l);
    return i && node_id_equal(identity_id(i), s->id);
}

static int refuse_own(const char *what)
{
    talk_error("%s", what);
    talk_try("velum revoke --force, if that is what is wanted");
    return CODE_MISUSE;
}

static void print_json(const struct acting_subject *s, const struct reply_act *m)
{
    struct json j;
    char id[ID_HEX_SIZE];
    id_hex(s->id.bytes, 64, id);
    json_document_open(&j, stdout, "acts");
    json_open(&j, NULL, '{');
    json_text(&j, "act", act_kind_name(ACT_REVOKE));
    json_text(&j, "id", id);
    json_text(&j, "name", s->is_node ? s->name : NULL);
    json_truth(&j, "news", m->news);
    json_number(&j, "known", m->known);
    json_number(&j, "nodes", m->live);
    json_text(&j, "away", m->away[0] ? m->away : NULL);
    json_close(&j, '}');
    json_document_close(&j);
}

/* The node that was asked hung up at once, as it does with all whose key is revoked. */
static int tell_own(const struct call *c, const struct acting_subject *s)
{
    const struct reply_act nobody_asked = {.news = true};
    char message[HOME_MESSAGE_SIZE];
    struct home home;
    if (opt_given(c->opts, "json"))
        print_json(s, &nobody_asked);
    else
        printf("%s revoked, which was the last your key could do; the node tells the others\n",
               s->name);
    fflush(stdout);
    if (home_locate(&home, message) == 0 && root_key_is_of(&home))
        talk_line("the mesh was made here, so another key can be made here: remove user.key and "
                  "user.pem from %s, and start the nodes here again",
                  home.path);
    else
        talk_line("who is to come back joins anew: velum token create, where the mesh was made");
    return CODE_DONE;
}

/* Others cut it off as soon as they know, so it cannot say who does. */
static int tell_asked(const struct call *c, const struct acting_subject *s,
                      const struct reply_act *m)
{
    if (opt_given(c->opts, "json"))
        print_json(s, m);
    else
        printf("%s revoked; it ends now\n", s->name);
    fflush(stdout);
    talk_error("the node that was asked cannot say which of the others have that written down");
    talk_try("velum nodes --addr HOST:PORT of another one: it lists %s no more", s->name);
    return CODE_IN_PART;
}

static int tell(const struct call *c, const struct acting_subject *s, const struct reply_act *m)
{
    const bool all = m->known == m->live;
    if (opt_given(c->opts, "json"))
        print_json(s, m);
    else
        printf("%s %s; %s%u of %u node%s ha%s that written down\n", s->name,
               m->news ? "revoked" : "had been revoked", all ? "all " : "", m->known, m->live,
               m->live == 1 ? "" : "s", m->live == 1 ? "s" : "ve");
    if (all)
        return CODE_DONE;
    fflush(stdout);
    talk_error("not known to have it: %s", m->away[0] ? m->away : "some");
    talk_try("the same once more; a node that is away is told by the first one it meets");
    return CODE_IN_PART;
}

/* A key that nobody here has met may be revoked, and so may a slip of the pen. */
static void look_whether_met(struct line *l, const struct acting_subject *s)
{
    struct job_list jobs;
    bool met = s->is_node || is_own(l, s);
    if (met || jobs_fetch(l, true, "", &jobs) < 0)
        return;
    met = jobs.left_off > 0;
    for (size_t i = 0; i < jobs.count; i++)
        met |= node_id_equal(jobs.list[i].view.by, s->id);
    jobs_clear(&jobs);
    if (met)
        return;
    talk_line("no node here has the id %s.., and no job is by a user with it: a digit that is "
              "wrong leaves the key trusted that was meant",
              s->name);
    talk_try("compare all 64: velum nodes --json lists those of nodes, velum ps -a --json who jobs "
             "are by");
}

static int revoke(struct line *l, const struct call *c, const struct acting_subject *s)
{
    const char *reason = opt_text(c->opts, "reason", "");
    const bool own = is_own(l, s);
    struct reply_act reply;
    if (own && !opt_given(c->opts, "force"))
        return refuse_own("that is your own key, and with it goes all that you may here");
    if (s->is_asked && !opt_given(c->opts, "force"))
        return refuse_own("that is the node this command talks to, and it ends then");
    if (strlen(reason) >= ACT_REASON_SIZE) {
        talk_error("a reason has at most %d bytes", ACT_REASON_SIZE - 1);
        talk_try("fewer words");
        return CODE_MISUSE;
    }
    int rc = acting_hand_in(l, ACT_REVOKE, s, reason, &reply);
    if (rc == LINE_REFUSED && own && line_is_shut_out(l))
        return tell_own(c, s);
    if (rc < 0)
        return line_report(l, rc);
    if (s->is_asked)
        return tell_asked(c, s, &reply);
    const int code = tell(c, s, &reply);
    fflush(stdout);
    look_whether_met(l, s);
    return code;
}

static int run(const struct call *c)
{
    struct line *l = NULL;
    struct line_options where = {0};
    struct acting_subject s;
    int code = line_open(&l, c, &where);
    if (code != 0)
        return code;
    code = acting_find(l, c->argv[0], &s);
    if (code == 0)
        code = revoke(l, c, &s);
    line_close(l);
    return code;
}

const struct cmd cmd_revoke = {
    .name = "revoke",
    .args = "NODE|ID",
    .summary = "trust a node's or a user's key no longer",
    .more =
        "Every node cuts its connections to that key within seconds and never lets it in again;\n"
        "a node ends, a user's jobs fail. It cannot be undone: who is to come back joins anew,\n"
        "with another key. A node is given by its name or the beginning of its id, whether it\n"
        "is up or not; a user by all 64 digits of the id that was said where he joined. The\n"
        "user of a machine has a key of his own beside that of its node. Whoever revokes his own\n"
        "where the mesh was made has another once user.key and user.pem are removed there and\n"
        "the nodes are started again; anybody else joins anew.\n"
        "Exit 7 names the nodes that are not known to have it written down yet.",
    .group = GROUP_MESH,
    .takes = TAKES_NODE,
    .opts = opts,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
