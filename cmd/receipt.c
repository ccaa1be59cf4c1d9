#include <stdio.h>
#include <string.h>

#include "cmd/jobs.h"
#include "cmd/receipt_look.h"
#include "cmd/sink.h"
#include "core/base/err.h"
#include "core/host/memory.h"
#include "core/wire/message.h"

#define HOPS_MAX 3

static const struct opt opts[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPT_TEXT,
     .value = "FILE",
     .effect = "write it there"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print what it says as JSON"},
    {0},
};

static int fail(const char *what)
{
    talk_error("%s", what);
    talk_try("velum doctor");
    return CODE_FAILED;
}

/* What the node has signed. 0, or an exit code after saying why. */
static int fetch(struct line *l, const char *which, struct job_id id, struct buf *text)
{
    struct frame frame;
    int rc = line_send(l, MESSAGE_REQUEST_RECEIPT, (struct bytes){id.bytes, ID_SIZE});
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_RECEIPT, &frame)) == 1)
        put_raw(text, frame.payload.data, frame.payload.len);
    if (rc == 0 && text->failed)
        rc = ERR_TOO_LARGE;
    return rc < 0 ? jobs_report(l, which, rc) : CODE_DONE;
}

/* The node that was asked names one that holds the job, if it does not itself. */
static bool is_elsewhere(const struct buf *text, char addr[VIEW_ADDR_SIZE])
{
    const size_t head = sizeof RECEIPT_ELSEWHERE - 1;
    if (text->len <= head || text->len - head >= VIEW_ADDR_SIZE ||
        memcmp(text->data, RECEIPT_ELSEWHERE, head) != 0)
        return false;
    memcpy(addr, text->data + head, text->len - head);
    addr[text->len - head] = 0;
    return true;
}

/* A holder may have given the job up meanwhile, so this goes on for a few. */
static int fetch_anywhere(const struct call *c, struct line **l, struct job_id id, struct buf *text)
{
    char addr[VIEW_ADDR_SIZE];
    struct line_options where = {.addr = addr};
    int code = fetch(*l, c->argv[0], id, text);
    for (int i = 0; code == CODE_DONE && is_elsewhere(text, addr); i++) {
        if (i == HOPS_MAX)
            return fail("no node of those that were named holds this job");
        buf_reset(text);
        line_close(*l);
        *l = NULL;
        code = line_open(l, c, &where);
        if (code == CODE_DONE)
            code = fetch(*l, c->argv[0], id, text);
    }
    return code;
}

static int take_der(struct receipt_der *to, const struct buf *der)
{
    if (der->len > sizeof to->data)
        return ERR_TOO_LARGE;
    to->len = (uint16_t)der->len;
    memcpy(to->data, der->data, der->len);
    return 0;
}

/* The certificates that a node's own hangs on lie in the home folder of every member. */
static int add_chain(struct receipt *r)
{
    uint8_t rooms[2][CERTIFICATE_SIZE_MAX];
    char message[HOME_MESSAGE_SIZE] = "";
    struct buf issuer, root;
    struct home h;
    buf_init_fixed(&issuer, rooms[0], sizeof rooms[0]);
    buf_init_fixed(&root, rooms[1], sizeof rooms[1]);
    int rc = home_locate(&h, message);
    if (rc == 0)
        rc = identity_home_chain(&h, &issuer, &root, message);
    if (rc == 0)
        rc = take_der(&r->issuer, &issuer);
    if (rc == 0)
        rc = take_der(&r->root, &root);
    return rc < 0 ? fail(message[0] ? message : err_sentence(rc)) : CODE_DONE;
}

/* Nothing is given to anybody that he could not verify. */
static int complete(struct buf *text)
{
    struct receipt_look k;
    int rc = receipt_look_open(&k, buf_bytes(text));
    int code =
        rc == 0 ? add_chain(k.receipt) : fail(rc == ERR_FORMAT ? k.fault.what : err_sentence(rc));
    if (code == CODE_DONE && receipt_look_judge(&k) < 0)
        code = fail(k.why);
    if (code == CODE_DONE) {
        buf_reset(text);
        put_receipt(text, k.receipt);
        code = text->failed ? fail(err_sentence(buf_result(text))) : code;
    }
    receipt_look_close(&k);
    return code;
}

static int print_json(struct bytes text)
{
    struct receipt_look k;
    int rc = receipt_look_open(&k, text);
    if (rc == 0)
        receipt_look_json(&k, true, NULL);
    receipt_look_close(&k);
    return rc < 0 ? fail(err_sentence(rc)) : CODE_DONE;
}

static int write_text(const char *path, struct bytes text)
{
    struct sink *s = NULL;
    int code = sink_open(&s, path);
    if (code == 0) {
        sink_plain(s);
        code = sink_begin(s, text.len, 0);
    }
    if (code == 0)
        code = sink_put(s, text);
    if (code == 0)
        code = sink_keep(s);
    sink_close(s);
    return code;
}

static int run(const struct call *c)
{
    struct job_id id;
    struct line *l = NULL;
    struct line_options where = {0};
    struct buf text;
    const char *path = opt_text(c->opts, "output", NULL);
    buf_init(&text, &host_memory, RECEIPT_SIZE_MAX);
    int code = line_open(&l, c, &where);
    if (code == 0)
        code = jobs_resolve(l, c->argv[0], &id);
    if (code == 0)
        code = fetch_anywhere(c, &l, id, &text);
    line_close(l);
    if (code == 0)
        code = complete(&text);
    if (code == 0 && (path || !opt_given(c->opts, "json")))
        code = write_text(path, buf_bytes(&text));
    if (code == 0 && opt_given(c->opts, "json"))
        code = print_json(buf_bytes(&text));
    buf_clear(&text);
    return code;
}

const struct cmd cmd_receipt = {
    .name = "receipt",
    .args = "JOB",
    .summary = "write who computed which part of a job, signed",
    .more =
        "A node that holds a job which has ended (the one that is asked, or another) signs what\n"
        "it knows of who computed which leaves. It is that node's word: other nodes' reports are\n"
        "not signed one by one. velum verify FILE checks a receipt, also where no node runs.",
    .group = GROUP_SEE,
    .takes = TAKES_JOB,
    .opts = opts,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
