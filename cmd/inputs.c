#include "cmd/inputs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd/gather.h"
#include "cmd/interrupt.h"
#include "cmd/view_object.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/loop.h"

#define OTHERS_MAX 16 /* nodes beside the one of the line that are asked what they keep */

bool inputs_is_ref(const char *word)
{
    return object_is_ref(word) && access(word, F_OK) != 0 && errno == ENOENT;
}

static int refuse_many(int count)
{
    talk_error("%d files are too many for a job, the limit is %d", count, STAGE_INPUTS_MAX);
    talk_try("cat FILES | velum run ... -");
    return CODE_MISUSE;
}

static int refuse_twice(void)
{
    talk_error("standard input can be read once only");
    talk_try("one - among the files");
    return CODE_MISUSE;
}

int inputs_open(struct inputs *in, int count, char *const *words)
{
    bool has_stdin = false;
    if (count > STAGE_INPUTS_MAX)
        return refuse_many(count);
    for (; in->count < count; in->count++) {
        struct input *i = &in->list[in->count];
        *i = (struct input){.word = words[in->count], .from = {.fd = -1}};
        if (strcmp(i->word, "-") == 0 && has_stdin)
            return refuse_twice();
        has_stdin = has_stdin || strcmp(i->word, "-") == 0;
        if (inputs_is_ref(i->word))
            text_copy(i->ref, sizeof i->ref, i->word);
        else {
            int code = source_open(&i->from, i->word);
            if (code != 0)
                return code;
        }
    }
    return 0;
}

void inputs_close(struct inputs *in)
{
    for (uint16_t i = 0; i < in->count; i++)
        source_close(&in->list[i].from);
}

bool inputs_sizes(const struct inputs *in, uint64_t sizes[STAGE_INPUTS_MAX])
{
    bool known = true;
    for (uint16_t i = 0; i < in->count; i++) {
        const struct input *one = &in->list[i];
        sizes[i] = one->there         ? in->made[i].size
                   : one->from.fd < 0 ? SOURCE_UNKNOWN
                                      : one->from.size;
        known = known && sizes[i] != SOURCE_UNKNOWN;
    }
    return known;
}

/* --- what is there already --- */

struct search {
    struct inputs *in;
    unsigned nodes; /* that may still be asked */
    int rc;
    const struct input *several; /* a reference that is more than one object */
};

struct sight {
    struct object_view v;
    unsigned count;
};

static void see(void *ctx, const struct object_view *v)
{
    struct sight *s = ctx;
    s->v = *v;
    s->count++;
}

static bool is_wanted(const struct input *i)
{
    return !i->there && i->ref[0];
}

/* A file's bytes count when somebody keeps them; a reference may also be of something that a node
 * has only cached, as with `velum get`. */
static void take_sight(struct inputs *in, uint16_t i, const struct object_view *v)
{
    struct input *one = &in->list[i];
    if (one->from.fd >= 0 && !(v->flags & OBJECT_KEPT))
        return;
    one->there = true;
    in->made[i] = (struct stage_input){.name = v->name, .size = v->size};
}

/* A file that a node tells nothing of is sent: only what is not here is refused with the role. */
static bool may_not(const struct line *l, const struct input *i)
{
    return i->from.fd < 0 && line_refusal(l) == CODE_NOT_ALLOWED;
}

/* Asks one node for all that is not found yet; true when nothing is left to ask for. */
static bool look_at(void *ctx, struct line *l)
{
    struct search *s = ctx;
    bool all = true;
    for (uint16_t i = 0; i < s->in->count && s->rc == 0; i++) {
        struct sight seen = {.count = 0};
        if (!is_wanted(&s->in->list[i]))
            continue;
        s->rc = objects_each(l, false, s->in->list[i].ref, see, &seen);
        if (s->rc == LINE_REFUSED && line_refusal(l) == CODE_MISUSE)
            s->several = &s->in->list[i];
        else if (s->rc == LINE_REFUSED && !may_not(l, &s->in->list[i]))
            s->rc = 0; /* it has none, or keeps none at all */
        if (s->rc == 0 && seen.count == 1)
            take_sight(s->in, i, &seen.v);
        all = all && !is_wanted(&s->in->list[i]);
    }
    return all || s->rc < 0;
}

/* What another node cannot say is no fault of this command. */
static bool look_at_other(void *ctx, struct line *l)
{
    struct search *s = ctx;
    bool done = look_at(s, l);
    if (s->rc < 0 && !s->several)
        s->rc = 0, done = false;
    return done || --s->nodes == 0;
}

static int refuse_ref(const struct input *i)
{
    talk_error("%s%s: no such file, and no such object", i->about ? i->about : "", i->word);
    talk_try("velum objects --all");
    return CODE_NOT_FOUND;
}

static int refuse_several(const struct input *i)
{
    talk_error("%s%s: several objects begin so", i->about ? i->about : "", i->word);
    talk_try("more of its digits");
    return CODE_MISUSE;
}

int inputs_find(struct inputs *in, const struct call *c, struct line *l)
{
    struct search s = {.in = in, .nodes = OTHERS_MAX};
    if (!look_at(&s, l) && s.rc == 0)
        (void)visit_others(c, l, look_at_other, &s);
    if (s.several)
        return refuse_several(s.several);
    if (s.rc < 0)
        return line_report(l, s.rc);
    for (uint16_t i = 0; i < in->count; i++)
        if (is_wanted(&in->list[i]) && in->list[i].from.fd < 0)
            return refuse_ref(&in->list[i]);
    return 0;
}

/* --- what is not --- */

static int interrupted(const struct call *c)
{
    talk_error("interrupted: no job was submitted");
    talk_try("velum %s again", c->cmd->name);
    return CODE_INTERRUPTED;
}

/* A file that cannot be read is sent all the same: then it is said why not. */
static int name_all(struct inputs *in, const struct call *c)
{
    for (uint16_t i = 0; i < in->count; i++) {
        struct input *one = &in->list[i];
        struct digest name;
        if (one->from.fd < 0 || !one->from.whole)
            continue;
        int rc = source_name(&one->from, &name);
        if (rc == ERR_CANCELLED)
            return interrupted(c);
        if (rc == 0)
            id_hex(name.bytes, 2 * ID_SIZE, one->ref);
    }
    return 0;
}

static uint64_t bytes_to_send(const struct inputs *in)
{
    uint64_t total = 0;
    for (uint16_t i = 0; i < in->count && total != SOURCE_UNKNOWN; i++)
        if (!in->list[i].there)
            total = in->list[i].from.size == SOURCE_UNKNOWN ? SOURCE_UNKNOWN
                                                            : total + in->list[i].from.size;
    return total;
}

/* The same bytes under two names are sent once. */
static bool is_same_as_before(struct inputs *in, uint16_t i)
{
    for (uint16_t k = 0; k < i && in->list[i].ref[0]; k++)
        if (strcmp(in->list[k].ref, in->list[i].ref) == 0) {
            in->made[i] = in->made[k];
            in->list[i].there = true;
            return true;
        }
    return false;
}

static int put_all(struct inputs *in, struct source_way *way)
{
    for (uint16_t i = 0; i < in->count; i++) {
        struct object_view made;
        if (in->list[i].there || is_same_as_before(in, i))
            continue;
        int code = source_put(&in->list[i].from, way, &made);
        if (code != CODE_DONE)
            return code;
        way->before += in->list[i].from.sent;
        in->made[i] = (struct stage_input){.name = made.name, .size = made.size};
        in->list[i].there = true;
    }
    return 0;
}

static int send_all(struct inputs *in, const struct call *c, struct line *l)
{
    const char *kind = opt_text(c->opts, "progress", NULL);
    char moved[TRANSFER_TEXT_SIZE], again[64];
    struct transfer progress;
    struct source_way way = {
        .line = l, .progress = &progress, .again = again, .patient = !line_is_embedded(l)};
    snprintf(again, sizeof again, "velum %s again; no job was submitted", c->cmd->name);
    transfer_begin(&progress, progress_kind_of(kind, talk_is_terminal()), stderr, talk_columns(),
                   bytes_to_send(in), 0, loop_clock());
    int code = put_all(in, &way);
    transfer_pause(&progress);
    if (code != 0 || way.before == 0 || in->quiet || line_is_embedded(l))
        return code;
    transfer_summary(&progress, way.before, loop_clock(), moved);
    talk_line("put %s", moved);
    return 0;
}

int inputs_put(struct inputs *in, const struct call *c, struct line *l)
{
    if (in->count == 0)
        return 0;
    interrupt_catch();
    int code = line_is_embedded(l) ? 0 : name_all(in, c);
    if (code == 0)
        code = inputs_find(in, c, l);
    if (code == 0)
        code = send_all(in, c, l);
    return code == 0 && interrupt_came() ? interrupted(c) : code;
}
