#include "tests/lib/rig_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/mesh/mesh_wire.h"
#include "core/node/journal_record.h"
#include "core/node/state.h"
#include "core/wire/introduce.h"

/* --- who is who --- */

struct node_id rig_id(uint8_t number)
{
    struct node_id id = {{number}};

    id.bytes[ID_SIZE - 1] = 1;
    return id;
}

void rig_certificate(struct node_id id, enum party party, uint8_t to[RIG_CERTIFICATE_SIZE])
{
    memset(to, 0, RIG_CERTIFICATE_SIZE);
    memcpy(to, id.bytes, ID_SIZE);
    to[ID_SIZE] = (uint8_t)party;
}

static int on_sign(void *ctx, struct bytes text, uint8_t sig[64])
{
    (void)ctx;
    (void)text;
    memset(sig, 0x5a, 64);
    return 0;
}

static int on_verify(void *ctx, struct bytes certificate, struct bytes text, const uint8_t sig[64],
                     struct signer *signer)
{
    (void)ctx;
    (void)text;
    if (sig[0] == RIG_BROKEN_SIGNATURE)
        return ERR_SIGNATURE;
    if (certificate.len != RIG_CERTIFICATE_SIZE)
        return ERR_IDENTITY;
    memcpy(signer->id.bytes, certificate.data, ID_SIZE);
    signer->party = certificate.data[ID_SIZE];
    signer->not_after_s = INT64_MAX;
    return 0;
}

static int on_introduce(void *ctx, struct bytes certificate, struct signer *signer)
{
    static const uint8_t good[64] = {0};

    if (certificate.len != RIG_CERTIFICATE_SIZE || certificate.data[RIG_CHAIN_AT] == RIG_FORGED)
        return ERR_SIGNATURE;
    if (certificate.data[RIG_CHAIN_AT] == RIG_OF_A_NEWER_ROOT)
        return ERR_IDENTITY;
    return on_verify(ctx, certificate, (struct bytes){NULL, 0}, good, signer);
}

static void on_log(void *ctx, enum log_level level, const char *text)
{
    struct rig *r = ctx;

    (void)level;
    text_copy(r->last_log, sizeof r->last_log, text);
    if (getenv("RIG_TRACE") != NULL)
        printf("# %lld %s\n", (long long)r->now.us, text);
}

struct digest rig_fat_source(void)
{
    return sha256_of("fat", 3);
}

struct node *rig_node_make(struct rig *r)
{
    struct node_kernel fat = {.name = "fat",
                              .source = rig_fat_source(),
                              .origin = ORIGIN_PLUGIN,
                              .path = "fat.so",
                              .accumulator_size = 16};
    uint8_t certificate[RIG_CERTIFICATE_SIZE];
    struct node_options o = {.id = r->id,
                             .boot = 77,
                             .name = "bench",
                             .addr = "bench:1",
                             .slots = r->slots,
                             .memory_bytes = (uint64_t)1 << 30,
                             .worker_cpu_us = RIG_WORKER_CPU_US,
                             .ready_workers = 1,
                             .seed = 1,
                             .kernels = &fat,
                             .kernels_count = r->has_kernel,
                             .log = &r->log,
                             .now = r->now,
                             .wall_s = RIG_WALL_S};
    struct node *n;

    o.seal = (struct seal){r, on_sign, on_verify, on_introduce};
    rig_certificate(o.id, PARTY_NODE, certificate);
    o.certificate = (struct bytes){certificate, sizeof certificate};
    ensure(node_new(&n, &r->heap.alloc, &o) == 0);
    return n;
}

void rig_start(struct rig *r, uint32_t slots, bool has_kernel)
{
    struct actions out;

    memset(r, 0, sizeof *r);
    heap_init(&r->heap);
    r->sent = calloc(RIG_SENT_MAX, sizeof *r->sent);
    ensure(r->sent != NULL);
    r->id = rig_id(0x40);
    r->now = (struct instant){60 * S_US};
    r->log = (struct log_sink){on_log, r, LOG_DEBUG};
    r->slots = slots;
    r->has_kernel = has_kernel;
    buf_init(&r->journal, &heap_plain, SIZE_MAX);
    buf_init(&r->slices, &heap_plain, SIZE_MAX);
    for (uint32_t i = 0; i < RIG_PEERS_MAX; i++)
        r->peers[i].id = rig_id((uint8_t)(0x80 + i));
    r->node = rig_node_make(r);
    actions_init(&out, &r->heap.alloc);
    ensure(node_start(r->node, r->now, &out) == 0);
    actions_clear(&out);
    rig_run(r, 1000);
}

void rig_stop(struct rig *r)
{
    node_free(r->node);
    for (uint32_t i = 0; i < r->sent_count; i++)
        free((void *)(uintptr_t)r->sent[i].payload.data);
    free(r->sent);
    buf_clear(&r->journal);
    buf_clear(&r->slices);
    ensure(heap_is_empty(&r->heap));
}

/* --- what the node does --- */

static uint32_t peer_of_link(const struct rig *r, uint64_t link)
{
    for (uint32_t i = 0; i < RIG_PEERS_MAX; i++)
        if (r->peers[i].link == link)
            return i;
    return RIG_NOBODY;
}

static uint32_t peer_of_id(const struct rig *r, struct node_id id)
{
    for (uint32_t i = 0; i < RIG_PEERS_MAX; i++)
        if (node_id_equal(r->peers[i].id, id))
            return i;
    return RIG_NOBODY;
}

static void keep(struct rig *r, const struct action *a, struct bytes payload)
{
    struct rig_sent *s = &r->sent[r->sent_count++];
    uint8_t *data = malloc(payload.len + 1);

    ensure(r->sent_count < RIG_SENT_MAX && data != NULL);
    if (payload.len > 0)
        memcpy(data, payload.data, payload.len);
    *s = (struct rig_sent){.kind = a->kind,
                           .type = (uint8_t)a->type,
                           .worker = a->worker,
                           .payload = {data, payload.len}};
    s->peer = a->kind == ACTION_DIAL || a->kind == ACTION_ROOTS ? peer_of_id(r, a->id)
                                                                : peer_of_link(r, a->link);
    if (getenv("RIG_TRACE") != NULL)
        printf("# %lld kind %d %s to peer %d worker %u len %zu\n", (long long)r->now.us, a->kind,
               message_name(a->type), (int)s->peer, a->worker, payload.len);
}

static void answer_ping(struct rig *r, uint32_t peer, struct bytes payload)
{
    struct ping p;
    uint8_t bytes[32];
    struct buf b;

    ensure(read_ping(payload, &p) == 0);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_ping(&b, &p);
    rig_frame(r, peer, MESSAGE_PONG, &b);
}

static void answer_probe(struct rig *r, uint32_t peer, struct bytes payload)
{
    struct probe_answer a = {.answered = true};
    struct probe_ask ask;
    uint8_t bytes[32];
    struct buf b;

    ensure(read_probe_ask(payload, &ask) == 0);
    a.number = ask.number;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_probe_answer(&b, &a);
    rig_frame(r, peer, MESSAGE_PROBED, &b);
}

/* Those that it knows, as this test has them. */
static void answer_introduce(struct rig *r, uint32_t peer, struct bytes payload)
{
    static uint8_t certificates[INTRODUCE_MAX][RIG_CERTIFICATE_SIZE];
    struct introduced m = {.count = 0};
    struct introduce asked;
    struct buf b;

    ensure(read_introduce(payload, &asked) == 0);
    for (uint32_t i = 0; i < asked.count; i++) {
        if (peer_of_id(r, asked.ids[i]) == RIG_NOBODY)
            continue;
        rig_certificate(asked.ids[i], PARTY_NODE, certificates[i]);
        m.list[m.count].id = asked.ids[i];
        m.list[m.count++].certificate = (struct bytes){certificates[i], RIG_CERTIFICATE_SIZE};
    }
    buf_init(&b, &heap_plain, FRAME_PAYLOAD_MAX);
    put_introduced(&b, &m);
    rig_frame(r, peer, MESSAGE_INTRODUCED, &b);
    buf_clear(&b);
}

static void confirm_facts(struct rig *r, uint32_t peer, struct bytes payload)
{
    struct reader in = reader_of(payload);
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, read_job_id(&in));
    put_u64(&b, read_u64(&in));
    put_u8(&b, 0);
    if (load_u64(bytes + ID_SIZE) != 0)
        rig_frame(r, peer, MESSAGE_FACTS_KEPT, &b);
}

static void answer_count(struct rig *r, uint32_t peer, struct bytes payload)
{
    uint8_t bytes[16];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_raw(&b, payload.data, payload.len);
    rig_frame(r, peer, MESSAGE_COUNTED, &b);
}

static void on_send(struct rig *r, const struct action *a, struct bytes payload)
{
    uint32_t peer = peer_of_link(r, a->link);

    keep(r, a, payload);
    if (peer == RIG_NOBODY || r->peers[peer].mute)
        return;
    if (a->type == MESSAGE_PING)
        answer_ping(r, peer, payload);
    else if (a->type == MESSAGE_PROBE)
        answer_probe(r, peer, payload);
    else if (a->type == MESSAGE_INTRODUCE && !r->peers[peer].withholds)
        answer_introduce(r, peer, payload);
    else if (a->type == MESSAGE_FACTS)
        confirm_facts(r, peer, payload);
    else if (a->type == MESSAGE_COUNT)
        answer_count(r, peer, payload);
}

static void on_start(struct rig *r, uint32_t worker)
{
    uint8_t bytes[8];
    struct buf b;

    if (r->starts_refused != NULL) {
        rig_worker_refused(r, worker, r->starts_refused);
        return;
    }
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_u32(&b, 1);
    rig_worker_frame(r, worker, MESSAGE_WORKER_READY, &b);
}

static void perform(struct rig *r, const struct action *a, struct bytes payload)
{
    struct event ev = {.kind = EVENT_STORED};
    struct journal_record record;
    uint32_t peer;

    switch (a->kind) {
    case ACTION_SEND:
        on_send(r, a, payload);
        break;
    case ACTION_SNAPSHOT:
        rig_disk_slice(r, a, payload);
        break;
    case ACTION_STORE:
    case ACTION_COMPACT:
        /* Whatever else goes wrong, no record is written that a node cannot read again. */
        ensure(a->kind != ACTION_STORE || journal_record_read(a->type, payload, &record) == 0);
        if (a->kind == ACTION_STORE)
            keep(r, a, payload);
        ev.stored.ticket = a->ticket;
        ev.stored.rc = rig_disk_write(r, a, payload);
        if (r->syncs_late)
            r->unsaid = a->ticket;
        else
            rig_event(r, &ev);
        break;
    case ACTION_START:
        on_start(r, a->worker);
        break;
    case ACTION_MOVE:
    case ACTION_ROOTS:
    case ACTION_ORDER:
    case ACTION_DIAL:
        keep(r, a, payload);
        break;
    case ACTION_KILL:
        keep(r, a, payload);
        if (!r->kills_late)
            rig_worker_exits(r, a->worker, WORKER_KILLED, 9);
        break;
    case ACTION_CLOSE:
        peer = peer_of_link(r, a->link);
        if (peer != RIG_NOBODY)
            r->peers[peer].link = 0;
        break;
    case ACTION_EXIT:
        break;
    }
}

static void perform_all(struct rig *r, struct actions *out)
{
    for (size_t i = 0; i < out->count; i++)
        perform(r, &out->list[i], actions_payload(out, &out->list[i]));
    actions_clear(out);
}

/* From here to the other the node's requests for memory are counted. */
static uint64_t starve_begin(struct rig *r)
{
    r->heap.fail_at = r->starve_at == 0 ? 0 : r->heap.calls + r->starve_at;
    return r->heap.calls;
}

static void starve_end(struct rig *r, uint64_t began)
{
    uint64_t asked = r->heap.calls - began;

    r->heap.fail_at = 0;
    r->starve_at = r->starve_at > asked ? r->starve_at - asked : 0;
}

void rig_event(struct rig *r, struct event *ev)
{
    struct actions out;
    uint64_t began;
    int rc;

    if (r->rc == ERR_NO_MEMORY)
        return; /* such a node ends */
    ev->now = r->now;
    ev->wall_s = RIG_WALL_S + r->now.us / S_US;
    actions_init(&out, &r->heap.alloc);
    began = starve_begin(r);
    rc = node_step(r->node, ev, &out);
    starve_end(r, began);
    r->rc = rc < r->rc ? rc : r->rc;
    perform_all(r, &out);
}

int rig_compact(struct rig *r)
{
    struct actions out;
    uint64_t began;
    int rc;

    actions_init(&out, &r->heap.alloc);
    began = starve_begin(r);
    rc = node_compact(r->node, &out);
    starve_end(r, began);
    perform_all(r, &out);
    return rc;
}

void rig_synced(struct rig *r)
{
    struct event ev = {.kind = EVENT_STORED, .stored = {.ticket = r->unsaid}};

    r->unsaid = 0;
    r->syncs_late = false;
    if (ev.stored.ticket > 0)
        rig_event(r, &ev);
}

void rig_inside(struct rig *r, void (*what)(struct node *n, void *ctx), void *ctx)
{
    struct actions out;

    actions_init(&out, &r->heap.alloc);
    r->node->out = &out;
    what(r->node, ctx);
    r->node->out = NULL;
    perform_all(r, &out);
    rig_run(r, 20);
}

void rig_run(struct rig *r, int64_t us)
{
    struct instant until = instant_plus_us(r->now, us), due;
    struct event ev;

    for (;;) {
        ev = (struct event){.kind = EVENT_TICK};
        due = node_due(r->node);
        if (!instant_before(due, until) || r->rc == ERR_NO_MEMORY)
            break;
        r->now = instant_before(r->now, due) ? due : instant_plus_us(r->now, 20);
        rig_event(r, &ev);
    }
    r->now = until;
    ev = (struct event){.kind = EVENT_TICK};
    rig_event(r, &ev);
}

const struct rig_sent *rig_take(struct rig *r, uint32_t peer, uint8_t type)
{
    for (uint32_t i = 0; i < r->sent_count; i++) {
        struct rig_sent *s = &r->sent[i];

        if (s->taken || s->kind != ACTION_SEND || s->type != type || s->peer != peer)
            continue;
        s->taken = true;
        return s;
    }
    return NULL;
}

static const struct rig_sent *take_kind(struct rig *r, enum action_kind kind, uint8_t type,
                                        uint32_t peer)
{
    for (uint32_t i = 0; i < r->sent_count; i++) {
        struct rig_sent *s = &r->sent[i];

        if (s->taken || s->kind != kind || s->type != type ||
            (kind == ACTION_DIAL && s->peer != peer))
            continue;
        s->taken = true;
        return s;
    }
    return NULL;
}

const struct rig_sent *rig_take_record(struct rig *r, uint8_t type)
{
    return take_kind(r, ACTION_STORE, type, RIG_NOBODY);
}

const struct rig_sent *rig_take_order(struct rig *r, uint8_t type)
{
    return take_kind(r, ACTION_ORDER, type, RIG_NOBODY);
}

const struct rig_sent *rig_take_kill(struct rig *r)
{
    return take_kind(r, ACTION_KILL, 0, RIG_NOBODY);
}

const struct rig_sent *rig_take_roots(struct rig *r)
{
    return take_kind(r, ACTION_ROOTS, 0, RIG_NOBODY);
}

const struct rig_sent *rig_take_dial(struct rig *r, uint32_t peer)
{
    return take_kind(r, ACTION_DIAL, 0, peer);
}

uint32_t rig_count(struct rig *r, uint32_t peer, uint8_t type)
{
    uint32_t count = 0;

    while (rig_take(r, peer, type) != NULL)
        count++;
    return count;
}

/* --- what others do --- */

static struct member_info info_of(const struct rig *r, uint32_t peer)
{
    const struct rig_peer *p = &r->peers[peer];
    struct member_info info = {.id = p->id,
                               .boot = p->boot,
                               .incarnation = 1,
                               .slots = p->slots,
                               .memory_bytes =
                                   p->memory_bytes > 0 ? p->memory_bytes : (uint64_t)1 << 30};

    info.tier = p->tier;
    if (p->labels != NULL)
        text_copy(info.labels, sizeof info.labels, p->labels);
    snprintf(info.name, sizeof info.name, "peer%u", peer);
    snprintf(info.addr, sizeof info.addr, "peer%u:1", peer);
    info.machine = sha256_of(&peer, sizeof peer);
    return info;
}

void rig_peer_up(struct rig *r, uint32_t peer, uint32_t slots)
{
    struct rig_peer *p = &r->peers[peer];
    struct event ev = {.kind = EVENT_LINK_UP};
    uint8_t bytes[2048], certificate[RIG_CERTIFICATE_SIZE];
    struct hello h = {.version_min = MESH_VERSION_MIN,
                      .version_max = MESH_VERSION_MAX,
                      .features = p->level > 0 ? p->level : MESH_FEATURES,
                      .greeting = ++p->greeting,
                      .alone = true};
    struct buf b;

    if (p->boot == 0)
        p->boot = 1000 + peer;
    p->slots = slots;
    p->link = ++r->link_counter;
    ev.link_up.link = p->link;
    ev.link_up.party = PARTY_NODE;
    ev.link_up.id = p->id;
    rig_certificate(p->id, PARTY_NODE, certificate);
    ev.link_up.certificate = (struct bytes){certificate, sizeof certificate};
    rig_event(r, &ev);
    h.self = info_of(r, peer);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_hello(&b, &h);
    rumor_list_end(&b, rumor_list_begin(&b), 0);
    rig_frame(r, peer, MESSAGE_HELLO, &b);
    rig_run(r, 1000);
}

void rig_peers_told(struct rig *r, uint32_t teller, uint32_t from, uint32_t to, uint32_t slots)
{
    struct rumor rumor = {.state = NODE_ALIVE};
    struct buf b;
    size_t at;

    buf_init(&b, &r->heap.alloc, FRAME_PAYLOAD_MAX);
    at = rumor_list_begin(&b);
    for (uint32_t i = from; i < to; i++) {
        if (r->peers[i].boot == 0)
            r->peers[i].boot = 1000 + i;
        r->peers[i].slots = slots;
        rumor.info = info_of(r, i);
        put_rumor(&b, &rumor);
    }
    rumor_list_end(&b, at, to - from);
    rig_frame(r, teller, MESSAGE_RUMORS, &b);
    buf_clear(&b);
}

void rig_peer_cut(struct rig *r, uint32_t peer)
{
    struct event ev = {.kind = EVENT_LINK_DOWN};

    ev.link_down.link = r->peers[peer].link;
    ev.link_down.end = LINK_BROKEN;
    r->peers[peer].link = 0;
    rig_event(r, &ev);
}

void rig_peer_refuses(struct rig *r, uint32_t peer)
{
    struct event ev = {.kind = EVENT_DIAL_FAILED};

    rig_peer_cut(r, peer);
    for (uint32_t dial = 1; dial < 64; dial++) {
        ev.dial_failed.dial = dial;
        ev.dial_failed.end = DIAL_REFUSED;
        rig_event(r, &ev);
    }
}

void rig_peer_dies(struct rig *r, uint32_t peer)
{
    rig_peer_refuses(r, peer);
    r->peers[peer].boot += 1000;
}

void rig_peer_leaves(struct rig *r, uint32_t peer)
{
    struct goodbye g = {GOODBYE_LEAVING, MESH_VERSION_MIN, MESH_VERSION_MAX};
    uint8_t bytes[16];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_goodbye(&b, &g);
    rig_frame(r, peer, MESSAGE_GOODBYE, &b);
    r->peers[peer].link = 0;
    r->peers[peer].boot += 1000;
}

void rig_frame(struct rig *r, uint32_t peer, uint8_t type, const struct buf *payload)
{
    struct event ev = {.kind = EVENT_FRAME};

    ensure(!payload->failed);
    ev.frame.link = r->peers[peer].link;
    ev.frame.frame = (struct frame){type, 0, buf_bytes(payload)};
    rig_event(r, &ev);
}

void rig_worker_frame(struct rig *r, uint32_t worker, uint8_t type, const struct buf *payload)
{
    struct event ev = {.kind = EVENT_WORKER_FRAME};

    ensure(!payload->failed);
    ev.worker_frame.worker = worker;
    ev.worker_frame.frame = (struct frame){type, 0, buf_bytes(payload)};
    rig_event(r, &ev);
}

void rig_worker_output(struct rig *r, uint32_t worker, const char *text)
{
    struct event ev = {.kind = EVENT_WORKER_OUTPUT};

    ev.worker_output.worker = worker;
    ev.worker_output.text = bytes_of_text(text);
    rig_event(r, &ev);
}

void rig_worker_refused(struct rig *r, uint32_t worker, const char *why)
{
    struct event ev = {.kind = EVENT_WORKER_EXITED};

    ev.worker_exited.worker = worker;
    ev.worker_exited.end = WORKER_LOST;
    ev.worker_exited.why = why;
    rig_event(r, &ev);
}

void rig_worker_exits(struct rig *r, uint32_t worker, enum worker_end end, int status)
{
    struct event ev = {.kind = EVENT_WORKER_EXITED};

    ev.worker_exited.worker = worker;
    ev.worker_exited.end = end;
    ev.worker_exited.status = status;
    rig_event(r, &ev);
}
