#include "cmd/noted.h"

#include <string.h>

#include "core/base/text.h"
#include "core/host/ask.h"
#include "core/host/loop.h"
#include "core/wire/message.h"

#define PATIENCE_US (2 * S_US)

void noted_token(enum event_note_kind kind, const uint8_t id[JOIN_ID_SIZE], const char *text)
{
    struct request_events m = {.what = EVENTS_NOTE, .note = {.kind = (uint8_t)kind}};
    const struct ask_options nearest = {0};
    char message[ASK_MESSAGE_SIZE];
    uint8_t room[EVENT_NOTE_BYTES_MAX];
    struct frame answer;
    struct ask *a;
    struct buf b;
    if (ask_open(&a, &nearest, message) < 0)
        return;
    if (id)
        memcpy(m.note.subject, id, JOIN_ID_SIZE);
    text_copy(m.note.text, sizeof m.note.text, text);
    buf_init_fixed(&b, room, sizeof room);
    put_request_events(&b, &m);
    if (ask_control(a) && ask_send(a, MESSAGE_REQUEST_EVENTS, 1, buf_bytes(&b)) == 0)
        (void)ask_next(a, instant_plus_us(loop_clock(), PATIENCE_US), &answer);
    ask_close(a);
}
