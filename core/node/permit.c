#include "core/node/permit.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/node/directory.h"
#include "core/node/events.h"
#include "core/node/jobs.h"
#include "core/node/link.h"
#include "core/node/request.h"
#include "core/wire/message.h"
#include "core/wire/object_request.h"

#define PARTIES ((int)PARTY_ISSUER + 1)

/* What each party may, by its number: 0, node, admin, submit, native, read, issuer. */
#define NOBODY                                                                                     \
    {                                                                                              \
        0                                                                                          \
    }
#define PEERS                                                                                      \
    {                                                                                              \
        [PARTY_NODE] = PERMIT_YES                                                                  \
    }
#define ADMIN                                                                                      \
    {                                                                                              \
        [PARTY_USER] = PERMIT_YES                                                                  \
    }
#define USERS                                                                                      \
    {                                                                                              \
        [PARTY_USER] = PERMIT_YES, [PARTY_SUBMIT] = PERMIT_YES, [PARTY_NATIVE] = PERMIT_YES,       \
        [PARTY_READ] = PERMIT_YES                                                                  \
    }
#define SUBMITTERS                                                                                 \
    {                                                                                              \
        [PARTY_USER] = PERMIT_YES, [PARTY_SUBMIT] = PERMIT_YES, [PARTY_NATIVE] = PERMIT_YES        \
    }
#define NATIVES                                                                                    \
    {                                                                                              \
        [PARTY_USER] = PERMIT_YES, [PARTY_NATIVE] = PERMIT_YES                                     \
    }
/* permit_sees leaves out of a list what others submitted, or did. */
#define LISTS USERS
#define OWN_JOBS                                                                                   \
    {                                                                                              \
        [PARTY_USER] = PERMIT_YES, [PARTY_SUBMIT] = PERMIT_OWN, [PARTY_NATIVE] = PERMIT_OWN,       \
        [PARTY_READ] = PERMIT_YES                                                                  \
    }
#define ENDS_OWN                                                                                   \
    {                                                                                              \
        [PARTY_USER] = PERMIT_YES, [PARTY_SUBMIT] = PERMIT_OWN, [PARTY_NATIVE] = PERMIT_OWN        \
    }
/* A session tells what stages came to, also who appends nothing. */
#if VELUM_PLANT == 894 /* trace/test_permit: a session of another's job tells what its tasks gave */
#define SESSIONS SUBMITTERS
#else
#define SESSIONS ENDS_OWN
#endif
#define WHOLE_NAMES                                                                                \
    {                                                                                              \
        [PARTY_USER] = PERMIT_YES, [PARTY_SUBMIT] = PERMIT_WHOLE, [PARTY_NATIVE] = PERMIT_WHOLE    \
    }

/* One for each type of message, or it does not compile. Those that are nobody's go over pipes of
 * one machine, are answers to a user, or come before there is a party. */
#define ROW_HELLO PEERS
#define ROW_GOODBYE PEERS
#define ROW_PING PEERS
#define ROW_PONG PEERS
#define ROW_PROBE PEERS
#define ROW_PROBED PEERS
#define ROW_RUMORS PEERS
#define ROW_JOIN NOBODY
#define ROW_JOINED NOBODY
#define ROW_JOIN_REFUSED NOBODY
#define ROW_RENEW NOBODY
#define ROW_RENEWED NOBODY
#define ROW_INTRODUCE PEERS
#define ROW_INTRODUCED PEERS
#define ROW_DIRECTORY PEERS
#define ROW_FORWARD PEERS
#define ROW_FORWARDED PEERS
#define ROW_FACTS PEERS
#define ROW_FACTS_KEPT PEERS
#define ROW_GRANT PEERS
#define ROW_REPORT PEERS
#define ROW_KEPT PEERS
#define ROW_TRIM PEERS
#define ROW_CLAIM PEERS
#define ROW_OPEN PEERS
#define ROW_RETURN PEERS
#define ROW_STOP PEERS
#define ROW_LOG PEERS
#define ROW_CANCEL PEERS
#define ROW_CANCELLED PEERS
#define ROW_WATCH PEERS
#define ROW_STATE PEERS
#define ROW_LOGS PEERS
#define ROW_LOG_TAIL PEERS
#define ROW_SYNC PEERS
#define ROW_COUNT PEERS
#define ROW_COUNTED PEERS
#define ROW_INPUT_WANT PEERS
#define ROW_INPUT_VALUES PEERS
#define ROW_STAGES PEERS
#define ROW_STAGES_TOLD PEERS
#define ROW_SESSION PEERS
#define ROW_OBJECT_KEEP PEERS
#define ROW_OBJECT_HAVE PEERS
#define ROW_OBJECT_SEEK PEERS
#define ROW_OBJECT_OWNER PEERS
#define ROW_BULK_WANT PEERS
#define ROW_BULK_BYTES PEERS
#define ROW_BULK_REFUSE PEERS
#define ROW_UNLIKE PEERS
#define ROW_ACT PEERS
#define ROW_ROOTS PEERS
#define ROW_EVIDENCE PEERS
#define ROW_SESSION_TOLD PEERS
#define ROW_SESSION_REFUSED PEERS
#define ROW_OBJECT_FULL PEERS
#define ROW_REQUEST_SUBMIT SUBMITTERS
#define ROW_REQUEST_WATCH OWN_JOBS
#define ROW_REQUEST_JOBS LISTS
#define ROW_REQUEST_KILL ENDS_OWN
#define ROW_REQUEST_NODES USERS
#define ROW_REQUEST_LOGS ENDS_OWN
#define ROW_REQUEST_KERNELS USERS
#define ROW_REQUEST_PLAN SUBMITTERS
#define ROW_REQUEST_SHOW SUBMITTERS
#define ROW_REQUEST_STALE ADMIN
#define ROW_REQUEST_PUT SUBMITTERS
#define ROW_REQUEST_DATA SUBMITTERS
#define ROW_REQUEST_GET WHOLE_NAMES
#define ROW_REQUEST_MORE SUBMITTERS
#define ROW_REQUEST_OBJECTS WHOLE_NAMES
#define ROW_REQUEST_RM WHOLE_NAMES
#define ROW_REQUEST_STAGES OWN_JOBS
#define ROW_REQUEST_SESSION SESSIONS
#define ROW_REQUEST_AHEAD SUBMITTERS
#define ROW_REQUEST_ASIDES SUBMITTERS
#define ROW_REQUEST_EVENTS LISTS
#define ROW_REPLY_EVENT NOBODY
#define ROW_REQUEST_RECEIPT OWN_JOBS
#define ROW_REPLY_RECEIPT NOBODY
#define ROW_REPLY_ERROR NOBODY
#define ROW_REPLY_SUBMITTED NOBODY
#define ROW_REPLY_JOB NOBODY
#define ROW_REPLY_NODE NOBODY
#define ROW_REPLY_KERNEL NOBODY
#define ROW_REPLY_LOG NOBODY
#define ROW_REPLY_PLAN NOBODY
#define ROW_REPLY_TEXT NOBODY
#define ROW_REPLY_KILLED NOBODY
#define ROW_REPLY_END NOBODY
#define ROW_REPLY_OBJECT NOBODY
#define ROW_REPLY_PIECE NOBODY
#define ROW_REPLY_CREDIT NOBODY
#define ROW_REPLY_STAGES NOBODY
#define ROW_REPLY_SESSION NOBODY
#define ROW_REPLY_AHEAD NOBODY
#define ROW_REPLY_ASIDES NOBODY
#define ROW_REQUEST_SNIPPET NATIVES
#define ROW_REQUEST_ACT USERS
#define ROW_REPLY_ACT NOBODY
#define ROW_REQUEST_ROOTS ADMIN
#define ROW_REPLY_ROOTS NOBODY
#define ROW_ORDER_LOAD NOBODY
#define ROW_ORDER_RUN NOBODY
#define ROW_ORDER_TRIM NOBODY
#define ROW_ORDER_MERGE NOBODY
#define ROW_ORDER_PLAN NOBODY
#define ROW_ORDER_SHOW NOBODY
#define ROW_ORDER_DESCRIBE NOBODY
#define ROW_ORDER_TAKEN NOBODY
#define ROW_ORDER_MORE NOBODY
#define ROW_ORDER_INPUTS NOBODY
#define ROW_ORDER_TASKS NOBODY
#define ROW_ORDER_ASIDES NOBODY
#define ROW_ORDER_BUILD NOBODY
#define ROW_WORKER_READY NOBODY
#define ROW_WORKER_LOADED NOBODY
#define ROW_WORKER_PROGRESS NOBODY
#define ROW_WORKER_TRIMMED NOBODY
#define ROW_WORKER_MERGED NOBODY
#define ROW_WORKER_PLANNED NOBODY
#define ROW_WORKER_SHOWN NOBODY
#define ROW_WORKER_FAILED NOBODY
#define ROW_WORKER_DESCRIBED NOBODY
#define ROW_WORKER_OUTPUT NOBODY
#define ROW_WORKER_OUTPUT_END NOBODY
#define ROW_WORKER_ASIDES NOBODY
#define ROW_WORKER_BUILT NOBODY
#define ROW_MOVE_SCAN NOBODY
#define ROW_MOVE_APPEND NOBODY
#define ROW_MOVE_FINISH NOBODY
#define ROW_MOVE_ABORT NOBODY
#define ROW_MOVE_READ NOBODY
#define ROW_MOVE_LIST NOBODY
#define ROW_MOVE_LEARN NOBODY
#define ROW_MOVE_WRITE NOBODY
#define ROW_MOVE_SEAL NOBODY
#define ROW_MOVE_CHECK NOBODY
#define ROW_MOVE_DROP NOBODY
#define ROW_MOVE_AT NOBODY
#define ROW_MOVE_KEYED NOBODY
#define ROW_MOVED_FOUND NOBODY
#define ROW_MOVED_MADE NOBODY
#define ROW_MOVED_BYTES NOBODY
#define ROW_MOVED_CHECKED NOBODY
#define ROW_MOVED_DONE NOBODY
#define ROW_MOVED_AT NOBODY
#define ROW_MOVED_LEFT NOBODY
#define ROW_MOVED_KEYED NOBODY

static const uint8_t table[256][PARTIES] = {
#define ROW(name, number) [number] = ROW_##name,
    MESSAGE_LIST(ROW)
#undef ROW
};

enum permit permit_of(enum party party, uint8_t type)
{
#if VELUM_PLANT == 891 /* unit/test_permit: who may look may do everything */
    if (party == PARTY_READ)
        party = PARTY_USER;
#endif
    return (int)party > 0 && (int)party < PARTIES ? (enum permit)table[type][party] : PERMIT_NO;
}

/* By its specification, where that is here, and as others tell (hearsay.h) elsewhere. */
static bool is_by(const struct node *n, struct job_id id, const struct entry *e,
                  struct node_id who)
{
    const struct job *j = job_find(n, id);
    struct job_view v;

    if (j != NULL)
        return node_id_equal(j->spec->author, who);
    return e != NULL && entry_view(e, &v) && node_id_equal(v.by, who);
}

bool permit_sees_all(const struct link_entry *l)
{
    return permit_of(l->party, MESSAGE_REQUEST_WATCH) == PERMIT_YES;
}

bool permit_sees(const struct node *n, const struct link_entry *l, const struct entry *e)
{
    return permit_sees_all(l) || is_by(n, e->id, e, l->id);
}

bool permit_sees_job(const struct node *n, const struct link_entry *l, struct job_id id)
{
#if VELUM_PLANT == 1156 /* trace/test_owners: who knows an object's name hears whose job has it */
    return true;
#endif
    return l != NULL && (permit_sees_all(l) || is_by(n, id, directory_find(n, id), l->id));
}

struct asking permit_asking(const struct node *n, uint64_t link)
{
    const struct link_entry *l = link_find(n, link);

    return l == NULL ? (struct asking){.party = 0} : (struct asking){l->party, l->id};
}

bool permit_takes(const struct node *n, const struct asking *who, const struct keeping *k)
{
#if VELUM_PLANT == 943 /* trace/test_owned: who knows a name takes away what others put */
    return true;
#endif
    if (who->party == PARTY_USER)
        return true;
    if (job_id_equal(k->owner, KEEPING_USER))
        return node_id_equal(k->by, who->id);
    return is_by(n, k->owner, directory_find(n, k->owner), who->id);
}

/* All requests that go by the author begin with the job's id. */
static bool is_own(const struct node *n, const struct link_entry *l, struct bytes payload)
{
    struct reader r = reader_of(payload);
    const struct job_id id = read_job_id(&r);
    const struct entry *e = directory_find(n, id);

#if VELUM_PLANT == 892 /* trace/test_permit: a job can be ended by who did not submit it */
    return true;
#endif
    return (e == NULL && job_find(n, id) == NULL) || is_by(n, id, e, l->id);
}

/* Which object it is about; "" where it names none, or cannot be read. */
static void asked_ref(uint8_t type, struct bytes payload, char to[OBJECT_REF_SIZE])
{
    struct request_get get = {.ref = ""};
    struct request_objects objects = {.ref = ""};
    struct request_rm rm = {.ref = ""};
    const char *ref = rm.ref;
    int rc;

    if (type == MESSAGE_REQUEST_GET)
        rc = read_request_get(payload, &get), ref = get.ref;
    else if (type == MESSAGE_REQUEST_OBJECTS)
        rc = read_request_objects(payload, &objects), ref = objects.ref;
    else
        rc = read_request_rm(payload, &rm);
    text_copy(to, OBJECT_REF_SIZE, rc == 0 ? ref : "");
}

static bool is_whole(uint8_t type, struct bytes payload)
{
    char ref[OBJECT_REF_SIZE];
    uint8_t name[ID_SIZE];

#if VELUM_PLANT == 1075 /* trace/test_permit: who may use an object that he can name lists all */
    if (type == MESSAGE_REQUEST_OBJECTS)
        return true;
#endif
    asked_ref(type, payload, ref);
    return id_parse_prefix(ref, name) == 2 * ID_SIZE;
}

/* Another role that allows it, or who may. */
static void refusal_hint(uint8_t type, char *hint, size_t cap)
{
    static const enum party roles[] = {PARTY_SUBMIT, PARTY_NATIVE};

    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (permit_of(roles[i], type) != PERMIT_YES)
            continue;
        text_copy(hint, cap, "velum token create --role ");
        text_append(hint, cap, event_role(roles[i]));
        text_append(hint, cap, ", where the mesh was made, and join again");
        return;
    }
    text_copy(hint, cap,
              permit_of(PARTY_SUBMIT, type) == PERMIT_OWN
                  ? "who submitted the job may, and an admin, where the mesh was made"
                  : "an admin may, where the mesh was made");
}

static void refuse_role(struct node *n, const struct link_entry *l, const struct frame *f,
                        enum permit p)
{
    char what[96] = "the role ", hint[128];

    text_append(what, sizeof what, event_role(l->party));
    text_append(what, sizeof what,
                p == PERMIT_WHOLE ? " names an object by all 64 digits" : " does not allow that");
    refusal_hint(f->type, hint, sizeof hint);
    reply_error(n, l->link, f->request, 4, what, hint);
}

bool permit_frame(struct node *n, const struct link_entry *l, const struct frame *f)
{
    const enum permit p = permit_of(l->party, f->type);

    if (p == PERMIT_YES)
        return true;
    if (p == PERMIT_OWN && is_own(n, l, f->payload))
        return true;
    if (p == PERMIT_WHOLE && is_whole(f->type, f->payload))
        return true;
    if (!party_is_user(l->party)) {
        /* Newer nodes say more than this one knows. */
        if (strcmp(message_name(f->type), "unknown") != 0)
            event_refused(n, l, f, false);
        return false;
    }
#if VELUM_PLANT != 895 /* trace/test_permit: what a newer command asks is a matter of the role */
    if (permit_of(PARTY_USER, f->type) == PERMIT_NO) {
        request_unknown(n, l->link, f->request);
        return false;
    }
#endif
    event_refused(n, l, f, p == PERMIT_OWN);
    if (p == PERMIT_OWN && f->type == MESSAGE_REQUEST_KILL)
        reply_error(n, l->link, f->request, 4, "this job is somebody else's",
                    "its author can end it, or an admin of the mesh");
    else if (p == PERMIT_OWN)
        request_no_such_job(n, l->link, f->request);
    else
        refuse_role(n, l, f, p);
    return false;
}

static bool may_author(int party, const struct stage_spec *s)
{
    if (party == PARTY_USER || party == PARTY_NATIVE)
        return true;
#if VELUM_PLANT == 893 /* unit/test_permit: C source of somebody who may run kernels only */
    return party == PARTY_SUBMIT;
#else
    return party == PARTY_SUBMIT && !s->snippet;
#endif
}

bool permit_spec(int party, const struct job_spec *spec)
{
    struct reader r = reader_of(spec->more);
    bool may = may_author(party, &spec->stage);

    for (uint16_t i = 0; may && i < spec->more_count; i++) {
        struct stage_spec s;

        read_next_stage(&r, &s);
        may = may_author(party, &s);
    }
    return may;
}

/* A stage that is like another is as foreign as that one, which was judged when it came. */
bool permit_stages(int party, const struct append *list)
{
    struct append a = *list;
    bool may = true;

    for (uint32_t i = 0; may && i < a.count; i++) {
        struct stage_spec s = {.snippet = false};
        uint32_t like;

        may = read_append_entry(&a.entries, a.first + i, &like, &s) == 0 &&
              (like != a.first + i ? may_author(party, &(struct stage_spec){.snippet = false})
                                   : may_author(party, &s));
    }
    return may;
}

bool permit_act(int party, enum act_kind kind)
{
    switch (kind) {
    case ACT_REVOKE:
    case ACT_DRAIN:
    case ACT_RESUME:
    case ACT_LEAVE:
#if VELUM_PLANT == 898 /* trace/test_acts: whoever may submit revokes others */
        return party_is_user((enum party)party);
#else
        return party == PARTY_USER;
#endif
    }
    return false;
}
