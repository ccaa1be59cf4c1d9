/* `velum verify`: proves from the journals of this machine's nodes that each leaf of a job was
 * counted exactly once. It asks no node, takes no lock and changes nothing. */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/verify_receipt.h"
#include "cmd/verify_view.h"
#include "core/base/err.h"
#include "core/wire/view.h"

#define HOLES_SAID 8

static const struct opt opts[] = {
    {.name = "data",
     .kind = OPT_TEXT,
     .repeats = true,
     .value = "DIR",
     .effect = "look at this state folder too"},
    {.name = "root",
     .kind = OPT_TEXT,
     .value = "DIGEST",
     .effect = "of a receipt: the mesh that is believed (this home's)"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print JSON"},
    {0},
};

static int refuse(int code, const char *message)
{
    talk_error("%s", message);
    talk_try("velum verify JOB, with the id that velum run -d printed");
    return code;
}

/* Fills in which journals are looked at. 0 or an exit code. */
static int find_journals(const struct call *c, struct looks *l)
{
    char message[HOME_MESSAGE_SIZE] = "";
    struct home home = {0};
    if (opt_given(c->opts, "addr"))
        return refuse(CODE_MISUSE,
                      "--addr is for commands that talk to a node; this one reads journals");
    int rc = home_locate(&home, message);
    if (rc < 0 && !opt_given(c->opts, "data")) {
        talk_error("%s", message);
        talk_try("velum verify JOB --data DIR");
        return CODE_MISUSE;
    }
    if (rc == 0)
        rc = looks_add_home(l, &home);
    else
        rc = 0;
    for (size_t i = 0; rc == 0 && i < c->opts->count; i++)
        if (c->opts->values[i].opt == &opts[0])
            rc = looks_add_named(l, c->opts->values[i].text);
    if (rc < 0 || l->full)
        return refuse(CODE_FAILED, rc < 0 ? err_sentence(rc) : "there are more than 1200 journals");
    return 0;
}

static int find_job(const struct call *c, struct looks *l, struct job_id *id)
{
    uint8_t prefix[ID_SIZE];
    int digits = id_parse_prefix(c->argv[0], prefix);
    if (digits < 0)
        return refuse(CODE_MISUSE, "a job is named by its id here, or by the beginning of it");
    int found = looks_find(l, prefix, (size_t)digits, id);
    if (found == 1)
        return 0;
    if (found == 2) {
        talk_error("more than one job's id begins with %.64s", c->argv[0]);
        talk_try("more digits of it");
        return CODE_MISUSE;
    }
    if (looks_unread(l))
        return 0; /* judge says which */
    talk_error("no journal here knows a job %.64s; %zu were read", c->argv[0], l->count);
    talk_try("velum verify %.64s --data DIR, with the state folder of one of its holders",
             c->argv[0]);
    return CODE_NOT_FOUND;
}

static int say_holes(const struct verdict *v)
{
    char leaves[VERIFY_LEAVES_SIZE];
    uint64_t first, end, at = 0;
    int n = 0;
    if (v->best->joined && v->counted < v->best->leaves) {
        talk_error("%llu leaves are not counted: which ones is not known since runs were joined to "
                   "counts per node",
                   (unsigned long long)(v->best->leaves - v->counted));
        return 1;
    }
    for (; n < HOLES_SAID && tally_hole(v->best, at, &first, &end); n++) {
        talk_error("%s: %s", verify_leaves(v->best, first, end, leaves),
                   tally_fault_sentence(TALLY_MISSING));
        at = end;
    }
    return n;
}

static int say_wrong(const struct looks *l, const struct verdict *v)
{
    if (v->two_results)
        talk_error("two journals have different results");
    if (v->problems > 0)
        talk_error("the journals do not add up: %llu problem%s, listed above",
                   (unsigned long long)v->problems, v->problems == 1 ? "" : "s");
    if (v->best && v->state == TALLY_DONE)
        say_holes(v);
    talk_try("velum journal check --data %s", l->count > 0 ? l->list[0]->folder : "DIR");
    return CODE_FAILED;
}

/* A job that has no result to be proven. */
static int say_ended(const struct verdict *v, const char *which)
{
    if (v->state == TALLY_OPEN) {
        talk_error("job %.64s has not ended: %llu of %llu leaves are counted so far", which,
                   (unsigned long long)v->counted, (unsigned long long)v->best->leaves);
        talk_try("velum wait %.64s", which);
        return CODE_IN_PART;
    }
    talk_error("job %.64s ended %s, so there is no result to prove", which,
               job_state_name((enum job_state)v->state));
    talk_try("velum show %.64s", which);
    return v->state == JOB_CANCELLED   ? CODE_CANCELLED
           : v->state == JOB_TIMED_OUT ? CODE_TIME_OUT
                                       : CODE_FAILED;
}

static int judge(const struct looks *l, const struct verdict *v, const char *which)
{
    const struct look *unread = looks_unread(l);
    if (unread && unread->rc == ERR_NOT_FOUND) {
        talk_error("there is no journal in %s", unread->folder);
        talk_try("velum verify %.64s --data DIR, with a state folder", which);
        return CODE_NOT_FOUND;
    }
    if (unread) {
        talk_error("the journal in %s cannot be read: %s", unread->folder,
                   unread->report.what ? unread->report.what : err_sentence(unread->rc));
        talk_try("velum journal check --data %s", unread->folder);
        return CODE_FAILED;
    }
    if (v->problems > 0 || v->two_results)
        return say_wrong(l, v);
    if (!v->best && v->gone) {
        talk_error("job %.64s ended and was forgotten: nothing of it is left to prove", which);
        talk_try("velum run it again: the digest will be the same");
        return CODE_GONE;
    }
    if (!v->best) {
        talk_error("no journal here has the specification of job %.64s", which);
        talk_try("velum verify %.64s --data DIR, with the state folder of one of its holders",
                 which);
        return CODE_NOT_FOUND;
    }
    if (v->state != TALLY_DONE)
        return say_ended(v, which);
    return v->proven ? CODE_DONE : say_wrong(l, v);
}

static int run(const struct call *c)
{
    static struct looks l;
    struct verdict v;
    struct job_id id = {{0}};
    if (verify_is_file(c->argv[0]))
        return verify_receipt(c, c->argv[0]);
    if (opt_given(c->opts, "root"))
        return refuse(CODE_MISUSE, "--root is for receipts; a job is proven from journals");
    int code = find_journals(c, &l);
    if (code == 0)
        code = find_job(c, &l, &id);
    if (code != 0)
        goto out;
    looks_read(&l, id);
    if (looks_verdict(&l, &v) < 0) {
        code = refuse(CODE_FAILED, err_sentence(ERR_NO_MEMORY));
        goto out;
    }
    if (opt_given(c->opts, "json"))
        verify_print_json(&l, &v, id);
    else
        verify_print(&l, &v);
    fflush(stdout);
    code = judge(&l, &v, c->argv[0]);
out:
    looks_clear(&l);
    return code;
}

const struct cmd cmd_verify = {
    .name = "verify",
    .args = "JOB | FILE",
    .summary = "prove from journals or a receipt who computed what",
    .more =
        "FILE (a word that is no id) is a receipt, as velum receipt writes it: checks its form,\n"
        "that a node signed it whose certificate was good at the time, and that it is of the\n"
        "mesh of this home or of --root. Exits 0, or 1 and says what is wrong. Where the journals\n"
        "here know that the signer was revoked, one that is older by its own word is believed\n"
        "with a warning, and one that is not is refused.\n"
        "JOB: reads the journals of this user's nodes on this machine and those given by --data,\n"
        "running or not, and changes nothing. Exits 0 when each leaf is counted exactly once\n"
        "and the result is what the values fold to, 1 when something does not add up, and 7\n"
        "while the job has not ended.",
    .group = GROUP_SEE,
    .takes = TAKES_JOB,
    .opts = opts,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
