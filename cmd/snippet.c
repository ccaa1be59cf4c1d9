#include "cmd/snippet.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/expression.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/elf_machine.h"
#include "core/host/machine.h"
#include "core/host/memory.h"
#include "core/wire/message.h"
#include "core/wire/snippet.h"

static bool is_path(const char *word)
{
    struct stat st;
    return strchr(word, '/') && stat(word, &st) == 0 && S_ISREG(st.st_mode);
}

bool snippet_is_plugin(const char *word)
{
    const size_t len = strlen(word);
    return len > 3 && strcmp(word + len - 3, ".so") == 0 && is_path(word);
}

bool snippet_is_file(const char *word)
{
    const size_t len = strlen(word);
    return (len > 2 && strcmp(word + len - 2, ".c") == 0) || is_path(word);
}

/* One that is empty or has no size is none that a compiler could make a kernel of. */
static int check_size(const struct snippet *s)
{
    const struct source *from = &s->source.list[0].from;
    const unsigned max = s->plugin ? SHIPPED_PLUGIN_MAX : SNIPPET_SOURCE_MAX;
    if (from->whole && from->size <= max)
        return 0;
    if (from->whole)
        talk_error("%s: %llu bytes are too many for a %s, the limit is %u", s->what,
                   (unsigned long long)from->size,
                   s->plugin ? "plugin that comes with its job" : "snippet", max);
    else
        talk_error("%s: this is no %s: it is empty, or no ordinary file", s->what,
                   s->plugin ? "plugin" : "C source");
    talk_try("velum help run");
    return CODE_MISUSE;
}

/* Nodes of another architecture are not asked, nor those whose name for theirs differs from this
 * machine's: a processor has several names where it can do more than its family. */
static int find_arch(struct snippet *s)
{
    uint8_t head[ELF_MACHINE_HEAD];
    const ssize_t n = pread(s->source.list[0].from.fd, head, sizeof head, 0);
    const struct bytes file = {head, n < 0 ? 0 : (size_t)n};
    const char *name = elf_machine_name(file);
    if (elf_machine_is_own(file)) {
        machine_arch(s->arch);
        return 0;
    }
    if (name) {
        text_copy(s->arch, sizeof s->arch, name);
        return 0;
    }
    talk_error("%s: it is not a shared object (ELF) of a machine that is known here", s->what);
    talk_try("velum cc FILE.c -o %s", s->what);
    return CODE_MISUSE;
}

static int refuse_path(const char *file, const char *why)
{
    talk_error("%s: %s", file, why);
    talk_try("the path of a FILE.c or FILE.so, or a kernel: velum kernels");
    return CODE_MISUSE;
}

int snippet_open(struct snippet *s, const char *file)
{
    struct stat st;
    if (stat(file, &st) < 0)
        return refuse_path(file, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return refuse_path(file, "this is a folder");
    s->what = file;
    s->source.quiet = true;
    s->source.count = 1;
    s->source.list[0] = (struct input){.word = file, .from = {.fd = -1}};
    int code = source_open(&s->source.list[0].from, file);
    return code == 0 ? check_size(s) : code;
}

int snippet_open_plugin(struct snippet *s, const char *file)
{
    s->plugin = true;
    int code = snippet_open(s, file);
    return code == 0 ? find_arch(s) : code;
}

int snippet_open_text(struct snippet *s, const char *what, struct bytes text)
{
    int fd = memfd_create("snippet", MFD_CLOEXEC);
    s->what = what;
    s->source.quiet = true;
    if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len ||
        lseek(fd, 0, SEEK_SET) != 0) {
        talk_error("%s: %s", what, strerror(errno));
        if (fd >= 0)
            close(fd);
        return CODE_FAILED;
    }
    s->source.list[0] = (struct input){
        .word = what, .from = {.what = what, .fd = fd, .whole = true, .size = text.len}};
    s->source.count = 1;
    return check_size(s);
}

void snippet_close(struct snippet *s)
{
    inputs_close(&s->source);
}

struct stage_input snippet_source(const struct snippet *s)
{
    return s->source.made[0];
}

/* --- what is in it --- */

/* A node calls the file "snippet.c", whatever it is called here. */
static int refuse_source(const struct snippet *s, const char *why)
{
    static const char head[] = "snippet.c:";
    if (strncmp(why, s->what, strlen(s->what)) == 0 && why[strlen(s->what)] == ':') {
        talk_line("%s", why);
        talk_error("%s is no kernel: it does not compile", s->what);
    } else if (strncmp(why, head, sizeof head - 1) == 0) {
        talk_line("%s:%s", s->what, why + sizeof head - 1);
        talk_error("%s is no kernel: it does not compile", s->what);
    } else {
        talk_error("%s: %s", s->what, why);
    }
    if (s->plugin)
        talk_try("velum cc FILE.c -o %s builds one for this machine", s->what);
    else if (strcmp(s->what, EXPRESSION_NAME) == 0)
        talk_try("velum run -e 'x[0] * sin(i)' 1..1000 0.5, where i and x[0], x[1] ... are known");
    else
        talk_try("velum help run");
    return CODE_MISUSE;
}

/* The request, with the payload of an order behind it; the answer is of this type. */
static int exchange(struct line *l, const struct request_snippet *m, uint8_t answer,
                    struct frame *out)
{
    struct buf b;
    buf_init(&b, &host_memory, FRAME_PAYLOAD_MAX);
    put_request_snippet(&b, m);
    int rc = buf_result(&b);
    if (rc == 0)
        rc = line_exchange(l, MESSAGE_REQUEST_SNIPPET, buf_bytes(&b), answer, out);
    buf_clear(&b);
    return rc;
}

int snippet_describe(struct snippet *s, const struct call *c, struct line *l)
{
    struct request_snippet m = {.what = s->plugin ? SHIPPED_DESCRIBE : SNIPPET_DESCRIBE};
    struct frame frame;
    int code = inputs_put(&s->source, c, l);
    if (code != 0)
        return code;
    m.source = s->source.made[0].name;
    int rc = exchange(l, &m, MESSAGE_REPLY_KERNEL, &frame);
    if (rc == 0)
        rc = read_kernel_view(frame.payload, &s->kernel);
    if (rc < 0) {
        code = line_report_about(l, s->what, rc);
        if (rc == LINE_REFUSED && !line_has_hint(l))
            talk_try("velum cc FILE.c, which compiles it here");
        return code;
    }
    return s->kernel.refused[0] ? refuse_source(s, s->kernel.refused) : 0;
}

int snippet_plan_ask(const struct snippet *s, struct line *l, int argc, char *const *argv,
                     uint16_t inputs_count, const uint64_t *input_sizes, struct plan *out)
{
    struct request_snippet m = {.what = s->plugin ? SHIPPED_PLAN : SNIPPET_PLAN,
                                .source = s->kernel.source,
                                .reduction = s->kernel.reduction};
    struct frame frame;
    struct buf order;
    text_copy(m.kernel, sizeof m.kernel, s->kernel.name);
    buf_init(&order, &host_memory, FRAME_PAYLOAD_MAX);
    int rc = put_order_plan(&order, argc, (const char *const *)argv, inputs_count, input_sizes);
    m.order = buf_bytes(&order);
    if (rc == 0)
        rc = exchange(l, &m, MESSAGE_REPLY_PLAN, &frame);
    if (rc == 0)
        rc = plan_read(out, frame.payload);
    if (rc == 0)
        text_copy(out->then, sizeof out->then, s->kernel.then);
    buf_clear(&order);
    return rc;
}

int snippet_show_ask(struct line *l, const struct job_view *v, char text[SHOW_SIZE_MAX])
{
    struct request_snippet m = {
        .what = SNIPPET_SHOW, .source = v->source, .reduction = v->reduction, .params = v->params};
    struct frame frame;
    struct buf order;
    if (!text_copy(m.kernel, sizeof m.kernel, v->kernel))
        return ERR_TOO_LARGE;
    buf_init(&order, &host_memory, FRAME_PAYLOAD_MAX);
    put_block(&order, v->result);
    m.order = buf_bytes(&order);
    int rc = exchange(l, &m, MESSAGE_REPLY_TEXT, &frame);
    buf_clear(&order);
    if (rc < 0)
        return rc;
    struct reader r = reader_of(frame.payload);
    read_text(&r, text, SHOW_SIZE_MAX);
    return reader_done(&r) ? 0 : ERR_FORMAT;
}
