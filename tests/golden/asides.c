/* Lists of plans and shows, made and told. */
#include "core/wire/asides.h"

#include "core/base/err.h"
#include "core/wire/message.h"
#include "tests/golden/golden.h"

bool golden_is_asides(uint8_t type)
{
    return type == MESSAGE_REQUEST_ASIDES || type == MESSAGE_REPLY_ASIDES ||
           type == MESSAGE_ORDER_ASIDES || type == MESSAGE_WORKER_ASIDES;
}

static void put_one(enum asides_what what, bool answer, uint16_t i, struct buf *b)
{
    static const char *const words[] = {"790", "x", "more"};
    static const struct worker_planned refused = {.reason = "N is no number"};
    const struct worker_planned planned = {
        .ok = true, .params = bytes_of_text("\1\2\3\4"), .units = 790, .leaf_units = 100};
    const struct aside_show show = {bytes_of_text("params"), bytes_of_text("8 bytes.")};
    if (what == ASIDES_PLAN && !answer)
        (void)put_order_plan(b, 2, words + i, 0, NULL);
    else if (what == ASIDES_PLAN)
        put_worker_planned(b, i == 0 ? &planned : &refused);
    else if (!answer)
        put_aside_show(b, &show);
    else
        put_worker_shown(b, true, "3.14");
}

static void put_list(enum asides_what what, bool answer, struct buf *b)
{
    const size_t list = put_asides_begin(b, what);
    for (uint16_t i = 0; i < 2; i++) {
        const size_t block = put_aside_begin(b);
        put_one(what, answer, i, b);
        put_aside_end(b, block);
    }
    asides_count(b, list, 2);
}

void golden_put_asides(uint8_t type, struct buf *b)
{
    struct reply_asides reply = {
        .kernel = "sum", .source = golden_digest(1), .then = "total", .accumulator_size = 8};
    uint8_t room[512];
    struct buf list;
    buf_init_fixed(&list, room, sizeof room);
    switch (type) {
    case MESSAGE_REQUEST_ASIDES:
        put_request_asides_begin(b, "sum", golden_digest(1));
        put_list(ASIDES_SHOW, false, b);
        break;
    case MESSAGE_REPLY_ASIDES:
        put_list(ASIDES_PLAN, true, &list);
        reply.list = buf_bytes(&list);
        put_reply_asides(b, &reply);
        break;
    case MESSAGE_ORDER_ASIDES:
        put_list(ASIDES_PLAN, false, b);
        break;
    default:
        put_list(ASIDES_SHOW, true, b);
        break;
    }
}

static void say_one(enum asides_what what, bool answer, struct bytes block, FILE *to)
{
    static struct order_plan plan;
    static char text[SHOW_SIZE_MAX];
    struct worker_planned planned;
    struct aside_show show;
    bool ok = false;
    int rc = 0;
    if (what == ASIDES_PLAN && !answer) {
        rc = read_order_plan(block, &plan);
        for (uint16_t i = 0; rc == 0 && i < plan.count; i++)
            fprintf(to, " \"%s\"", plan.args[i]);
    } else if (what == ASIDES_PLAN) {
        rc = read_worker_planned(block, &planned);
        fprintf(to, " ok=%d %llu/%llu reason=\"%s\" params=", planned.ok,
                (unsigned long long)planned.units, (unsigned long long)planned.leaf_units,
                planned.reason);
        golden_write_hex(planned.params, to);
    } else if (!answer) {
        rc = read_aside_show(block, &show);
        fprintf(to, " params=");
        golden_write_hex(show.params, to);
        fprintf(to, " accumulator=");
        golden_write_hex(show.accumulator, to);
    } else {
        rc = read_worker_shown(block, &ok, text);
        fprintf(to, " ok=%d text=\"%s\"", ok, text);
    }
    fprintf(to, "%s;", rc < 0 ? err_sentence(rc) : "");
}

static int tell_list(bool answer, struct bytes list, FILE *to)
{
    struct asides m;
    int rc = read_asides(list, &m);
    for (uint16_t i = 0; rc == 0 && i < m.count; i++)
        say_one((enum asides_what)m.what, answer, read_aside(&m.rest), to);
    return rc;
}

static void say_kernel(const char *kernel, struct digest source, FILE *to)
{
    char hex[9];
    id_hex(source.bytes, 8, hex);
    fprintf(to, " kernel=\"%s\" source=%s", kernel, hex);
}

int golden_tell_asides(uint8_t type, struct bytes p, FILE *to)
{
    struct request_asides request;
    struct reply_asides reply;
    int rc;
    if (type == MESSAGE_ORDER_ASIDES || type == MESSAGE_WORKER_ASIDES)
        return tell_list(type == MESSAGE_WORKER_ASIDES, p, to);
    if (type == MESSAGE_REQUEST_ASIDES) {
        rc = read_request_asides(p, &request);
        if (rc < 0)
            return rc;
        say_kernel(request.kernel, request.source, to);
        return tell_list(false, request.list, to);
    }
    rc = read_reply_asides(p, &reply);
    if (rc < 0)
        return rc;
    say_kernel(reply.kernel, reply.source, to);
    fprintf(to, " then=\"%s\" reduction=%u accumulator=%u", reply.then, (unsigned)reply.reduction,
            (unsigned)reply.accumulator_size);
    return tell_list(true, reply.list, to);
}
