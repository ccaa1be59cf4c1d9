#include <stdio.h>

#include "cmd/interrupt.h"
#include "cmd/source.h"
#include "cmd/view_object.h"
#include "core/host/loop.h"

#define COPIES_MAX 8

static const struct opt opts[] = {
    {.name = "copies",
     .kind = OPT_NUMBER,
     .value = "N",
     .effect = "wait for so many copies on nodes (default 2)",
     .min = 1,
     .max = COPIES_MAX},
    {.name = "progress",
     .kind = OPT_CHOICE,
     .value = "bar|line|none",
     .effect = "how to show progress (default: a bar on a terminal)"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print the object as JSON"},
    {0},
};

/* The reference is the answer and stands alone on standard output. */
static int say_made(const struct call *c, const struct source *s, struct transfer *progress,
                    const struct object_view *v)
{
    char name[ID_HEX_SIZE], moved[TRANSFER_TEXT_SIZE];
    uint64_t wanted = opt_number(c->opts, "copies", 0);
    transfer_pause(progress);
    transfer_summary(progress, s->sent, loop_clock(), moved);
    id_hex(v->name.bytes, 2 * ID_SIZE, name);
    if (opt_given(c->opts, "json"))
        json_print_object(v);
    else
        printf("%s\n", name);
    fflush(stdout);
    talk_line("%sput%s %s, %u cop%s on %u machine%s", talk_green(), talk_plain(), moved, v->copies,
              v->copies == 1 ? "y" : "ies", v->machines, v->machines == 1 ? "" : "s");
    if (v->copies >= wanted)
        return CODE_DONE;
    talk_error("%s: %u cop%s instead of %llu, for no other node has taken one", s->what, v->copies,
               v->copies == 1 ? "y" : "ies", (unsigned long long)wanted);
    talk_try("velum nodes; the other copies are made when there are nodes for them");
    return CODE_IN_PART;
}

static int send_all(const struct call *c, struct line *l, struct source *s)
{
    const char *kind = opt_text(c->opts, "progress", NULL);
    struct transfer progress;
    struct object_view made;
    const struct source_way way = {.line = l,
                                   .progress = &progress,
                                   .again = "velum put again",
                                   .copies = (uint8_t)opt_number(c->opts, "copies", 0)};
    interrupt_catch();
    transfer_begin(&progress, progress_kind_of(kind, talk_is_terminal()), stderr, talk_columns(),
                   s->size, 0, loop_clock());
    int code = source_put(s, &way, &made);
    return code == CODE_DONE ? say_made(c, s, &progress, &made) : code;
}

static int run(const struct call *c)
{
    struct source from = {.fd = -1};
    struct line *l = NULL;
    struct line_options where = {0};
    int code = source_open(&from, c->argv[0]);
    if (code == 0)
        code = line_open(&l, c, &where);
    if (code == 0)
        code = send_all(c, l, &from);
    line_close(l);
    source_close(&from);
    return code;
}

const struct cmd cmd_put = {
    .name = "put",
    .args = "FILE|-",
    .summary = "keep the bytes of a file as an object, and print its reference",
    .more =
        "The reference is what the bytes are, so the same bytes have the same one everywhere.\n"
        "The command returns when copies are synced on two nodes (--copies: on so many), or on\n"
        "all where there are fewer; fewer than --copies asked for means exit 7. After Ctrl-C, or "
        "the\n"
        "end of the command in any way, the node keeps for ten minutes what came of a file of 16 "
        "MiB\n"
        "or more, and the same command goes on behind that, also when the node has ended and is\n"
        "back.",
    .group = GROUP_OBJECTS,
    .takes = TAKES_NOTHING,
    .opts = opts,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
