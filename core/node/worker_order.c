#include "core/node/worker_order.h"

#include "core/node/link.h"
#include "core/node/stages.h"
#include "core/wire/message.h"

void worker_order(struct node *n, const struct worker *w, uint8_t type, struct bytes payload)
{
    struct action *a = actions_add(n->out, ACTION_ORDER, payload);

    if (a == NULL) {
        n->memory_out = true;
        return;
    }
    a->worker = w->number;
    a->type = type;
}

void worker_order_source(const struct node *n, struct digest source, char to[PATH_SIZE_MAX])
{
    char name[65];

    id_hex(source.bytes, 64, name);
    text_copy(to, PATH_SIZE_MAX, n->options.objects_path);
    text_append(to, PATH_SIZE_MAX, "/");
    text_append(to, PATH_SIZE_MAX, name);
}

/* The kernel does not see its own source. */
static void take_source(const struct node *n, int kernel, struct order_load *m)
{
#if VELUM_PLANT != 821 /* trace/test_snippet: a snippet has its source among its inputs */
    if (m->inputs_count > 0) {
        m->inputs_count--;
        m->inputs.len -= STAGE_INPUT_BYTES;
    }
#endif
    m->origin = kernel == KERNEL_COMPILED  ? ORIGIN_SNIPPET
                : kernel == KERNEL_SHIPPED ? ORIGIN_SHIPPED
                                           : ORIGIN_CARRIED;
    worker_order_source(n, m->source, m->path);
}

void worker_order_load(struct node *n, const struct worker *w, int kernel, struct order_load m)
{
    struct buf b;

    if (kernel >= KERNEL_CARRIED) {
        take_source(n, kernel, &m);
    } else if (kernel >= 0) {
        m.origin = n->kernels[kernel].origin;
        text_copy(m.path, sizeof m.path, n->kernels[kernel].path);
    }
    if (order_load_reads_files(&m))
        text_copy(m.folder, sizeof m.folder, n->options.objects_path);
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_order_load(&b, &m);
    if (b.failed)
        n->memory_out = true;
    else
        worker_order(n, w, MESSAGE_ORDER_LOAD, buf_bytes(&b));
    buf_clear(&b);
}

void worker_order_inputs(struct node *n, const struct worker *w, const struct stage_inputs *e)
{
    struct reader r = reader_of(buf_bytes(&e->given));
    struct buf b;
    uint16_t count;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    while (!reader_done(&r)) {
        buf_reset(&b);
        put_order_inputs_begin(&b, 0);
        for (count = 0; !reader_done(&r); count++) {
            struct reader ahead = r;
            struct order_input in = read_order_input(&ahead);

            if (b.len + reader_left(&r) - reader_left(&ahead) > FRAME_PAYLOAD_MAX)
                break;
            put_order_input(&b, &in);
            r = ahead;
        }
        if (b.failed) {
            n->memory_out = true;
            break;
        }
        store_u16(b.data, count);
        worker_order(n, w, MESSAGE_ORDER_INPUTS, buf_bytes(&b));
    }
    buf_clear(&b);
}
