#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/gather.h"
#include "cmd/interrupt.h"
#include "cmd/sink.h"
#include "cmd/transfer.h"
#include "cmd/view_object.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/loop.h"
#include "core/wire/message.h"

#define SILENCE_MAX_US (300 * S_US) /* of a node that may have to fetch it from afar */
#define LOST_MAX_US (30 * S_US)
#define LOST_NAP_US (100 * MS_US)

/* What one step comes to when it is not an exit code. */
#define GO_ON (-1)

static const struct opt opts[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPT_TEXT,
     .value = "FILE",
     .effect = "write it there (default: to standard output)"},
    {.name = "progress",
     .kind = OPT_CHOICE,
     .value = "bar|line|none",
     .effect = "how to show progress (default: a bar on a terminal)"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print the object as JSON; needs -o FILE"},
    {0},
};

struct get {
    struct line *line;
    const struct call *call;
    struct get_flow flow;
    struct sink *sink;
    bool fresh; /* nothing an earlier command left is in it */
    struct transfer progress;
};

static int ask(struct get *g, uint64_t offset)
{
    uint8_t room[128];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    get_flow_begin(&g->flow, offset, &payload);
    return line_send(g->line, MESSAGE_REQUEST_GET, buf_bytes(&payload));
}

static int allow(struct get *g)
{
    uint8_t room[8];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    if (!get_flow_more(&g->flow, &payload))
        return 0;
    return line_send_on(g->line, MESSAGE_REQUEST_MORE, buf_bytes(&payload));
}

/* Says how to go on where something is there to go on from. */
static void say_part(const struct get *g)
{
    char is[VIEW_NUMBER_SIZE], of[VIEW_NUMBER_SIZE];
    if (!sink_is_file(g->sink) || sink_at(g->sink) == 0) {
        talk_try("velum get %s again", g->flow.ref);
        return;
    }
    view_bytes(sink_at(g->sink), is);
    view_bytes(g->flow.view.size, of);
    talk_line("%s has %s of %s", sink_where(g->sink), is, g->flow.known ? of : "it");
    talk_try("the same command again, which goes on behind that");
}

static int interrupted(struct get *g)
{
    talk_error("interrupted");
    say_part(g);
    return CODE_INTERRUPTED;
}

/* The node has gone. The object has not: another node, or the same one started again, can send the
 * rest. */
static int find_another(struct get *g)
{
    struct instant since = loop_clock();
    struct timespec nap = {.tv_nsec = LOST_NAP_US * 1000};
    talk_line("the node is gone; asking another");
    while (instant_since_us(loop_clock(), since) < LOST_MAX_US) {
        if (interrupt_came())
            return interrupted(g);
#if VELUM_PLANT == 341 /* unit/test_put_get: another node is asked for all of it again */
        if (line_reopen(g->line) == 0 && ask(g, 0) == 0)
            return GO_ON;
#endif
        if (line_reopen(g->line) == 0 && ask(g, sink_at(g->sink)) == 0)
            return GO_ON;
        nanosleep(&nap, NULL);
    }
    talk_error("no node has answered for %d s", (int)(LOST_MAX_US / S_US));
    say_part(g);
    return CODE_NO_NODE;
}

/* A code of the line, or an answer that makes no sense. */
static int give_up(struct get *g, int rc)
{
    transfer_pause(&g->progress);
    if (rc == ERR_CANCELLED)
        return interrupt_came() ? interrupted(g) : GO_ON;
    if (rc == ERR_CLOSED || rc == ERR_IO)
        return find_another(g);
    if (rc == ERR_TIMEOUT) {
        talk_error("%s: nothing came from the node for %d s", g->flow.ref,
                   (int)(SILENCE_MAX_US / S_US));
        say_part(g);
        return CODE_NO_NODE;
    }
    /* FILE.part may be longer than this object; whether it is one at all is seen at offset 0. */
    if (rc == LINE_REFUSED && line_refusal(g->line) == CODE_MISUSE && g->flow.asked > 0 &&
        !g->flow.known)
        return ask(g, 0) < 0 ? find_another(g) : GO_ON;
    /* The node began, and cannot go on: nobody has the rest of it. */
    if (rc == LINE_REFUSED && g->flow.known)
        sink_drop(g->sink);
    return line_report_about(g->line, g->flow.ref, rc);
}

static int take_view(struct get *g, struct bytes payload)
{
    struct object_view v;
    int rc = get_flow_view(&g->flow, payload, &v);
    if (rc < 0)
        return give_up(g, rc);
#if VELUM_PLANT != 406 /* unit/test_put_get: a FILE.part that is too long is an error */
    /* Nothing begins there; the node says so next. */
    if (g->flow.asked > v.size)
        return GO_ON;
#endif
    if (!g->flow.known || g->flow.asked != sink_at(g->sink)) {
        int code = sink_begin(g->sink, v.size, g->flow.asked);
        if (code != 0)
            return code;
        g->fresh = g->flow.asked == 0;
        transfer_begin(&g->progress, g->progress.kind, stderr, talk_columns(), v.size,
                       g->flow.asked, loop_clock());
    }
    get_flow_take(&g->flow, &v);
    return allow(g) < 0 ? give_up(g, ERR_CLOSED) : GO_ON;
}

static int take_piece(struct get *g, struct bytes bytes)
{
    int rc = get_flow_piece(&g->flow, bytes, sink_at(g->sink));
    if (rc < 0)
        return give_up(g, rc);
    int code = sink_put(g->sink, bytes);
    if (code != 0) {
        transfer_pause(&g->progress);
        return code;
    }
    transfer_update(&g->progress, sink_at(g->sink), loop_clock());
    return allow(g) < 0 ? give_up(g, ERR_CLOSED) : GO_ON;
}

/* What came is not what was asked for. */
static int refuse_bytes(struct get *g)
{
    if (sink_is_file(g->sink)) {
        talk_error("what came is not the object %s; it was thrown away", g->flow.ref);
        sink_drop(g->sink);
    } else {
        talk_error("what came is not the object %s: do not use what was written to %s", g->flow.ref,
                   sink_where(g->sink));
    }
    talk_try("velum get again, from another node: --addr HOST:PORT");
    return CODE_FAILED;
}

static int check(struct get *g)
{
    struct digest name;
    if (!g->flow.known || sink_at(g->sink) != g->flow.view.size)
        return give_up(g, ERR_FORMAT);
    int code = sink_name(g->sink, &name);
    if (code != 0)
        return code;
#if VELUM_PLANT == 340 /* unit/test_put_get: what came is taken for what was asked for */
    name = g->flow.view.name;
#endif
    if (digest_equal(name, g->flow.view.name))
        return sink_keep(g->sink);
    transfer_pause(&g->progress);
    if (g->fresh)
        return refuse_bytes(g);
    talk_line("what was in %s is no part of this object; beginning again", sink_where(g->sink));
    return ask(g, 0) < 0 ? find_another(g) : GO_ON;
}

static int step(struct get *g)
{
    struct frame frame;
    if (interrupt_came())
        return give_up(g, ERR_CANCELLED);
    int rc = line_next(g->line, instant_plus_us(loop_clock(), SILENCE_MAX_US), &frame);
    if (rc <= 0)
        return give_up(g, rc == 0 ? ERR_TIMEOUT : rc);
    switch (frame.type) {
    case MESSAGE_REPLY_OBJECT:
        return take_view(g, frame.payload);
    case MESSAGE_REPLY_PIECE:
        return take_piece(g, frame.payload);
    case MESSAGE_REPLY_END:
        return check(g);
    default:
        return give_up(g, ERR_FORMAT);
    }
}

static int receive(struct get *g)
{
    const char *kind = opt_text(g->call->opts, "progress", NULL);
    /* A bar and the bytes on one terminal would spoil each other. */
    bool bar = talk_is_terminal() && (sink_is_file(g->sink) || !isatty(STDOUT_FILENO));
    char moved[TRANSFER_TEXT_SIZE];
    interrupt_catch();
    g->progress.kind =
        !kind && talk_is_terminal() && !bar ? PROGRESS_NONE : progress_kind_of(kind, bar);
    bool is_file = sink_is_file(g->sink);
    int code = ask(g, sink_at(g->sink)) < 0 ? find_another(g) : GO_ON;
    while (code == GO_ON)
        code = step(g);
    transfer_pause(&g->progress);
    if (code != CODE_DONE || (!is_file && g->progress.kind == PROGRESS_NONE))
        return code;
    transfer_summary(&g->progress, g->flow.view.size, loop_clock(), moved);
    talk_line("%sgot%s %s", talk_green(), talk_plain(), moved);
    if (opt_given(g->call->opts, "json"))
        json_print_object(&g->flow.view);
    return code;
}

static int misuse_json(void)
{
    talk_error("--json needs -o FILE, because standard output is the object itself");
    talk_try("velum get REF -o FILE --json");
    return CODE_MISUSE;
}

static int run(const struct call *c)
{
    struct get g = {.call = c};
    struct line_options where = {0};
    const char *file = opt_text(c->opts, "output", NULL);
    if (opt_given(c->opts, "json") && (!file || strcmp(file, "-") == 0))
        return misuse_json();
    int code = object_check_ref(c->argv[0]);
    text_copy(g.flow.ref, sizeof g.flow.ref, c->argv[0]);
    if (code == 0)
        code = line_open(&g.line, c, &where);
    if (code == 0)
        code = gather_name(c, g.line, "get", g.flow.ref);
    if (code == 0)
        code = sink_open(&g.sink, file);
    if (code == 0)
        code = receive(&g);
    sink_close(g.sink);
    line_close(g.line);
    return code;
}

const struct cmd cmd_get = {
    .name = "get",
    .args = "REF",
    .summary = "write an object to a file or to standard output",
    .more = "REF is 64 hex digits, or the first 8 and more of them where only one object\n"
            "of all nodes begins so. With -o the bytes go to FILE.part, which becomes FILE when "
            "they are known to be\n"
            "the object; after an interruption the same command goes on behind what is there. A\n"
            "wrong byte means exit 1, and no FILE.",
    .group = GROUP_OBJECTS,
    .takes = TAKES_OBJECT,
    .opts = opts,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
