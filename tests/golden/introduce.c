/* Who those are of whom a node was told. */
#include "core/wire/introduce.h"
#include "core/wire/message.h"
#include "tests/golden/golden.h"

bool golden_is_introduce(uint8_t type)
{
    return type == MESSAGE_INTRODUCE || type == MESSAGE_INTRODUCED;
}

void golden_put_introduce(uint8_t type, struct buf *b)
{
    const struct introduce asked = {2, {golden_node(3), golden_node(4)}};
    struct introduced m = {.count = 1};
    m.list[0].id = golden_node(4);
    m.list[0].certificate = bytes_of_text("a certificate, DER");
    if (type == MESSAGE_INTRODUCE)
        put_introduce(b, &asked);
    else
        put_introduced(b, &m);
}

static void say_id(FILE *to, struct node_id id)
{
    fprintf(to, " id=%02x%02x", id.bytes[0], id.bytes[1]);
}

int golden_tell_introduce(uint8_t type, struct bytes p, FILE *to)
{
    struct introduce asked = {.count = 0};
    struct introduced m = {.count = 0};
    int rc = type == MESSAGE_INTRODUCE ? read_introduce(p, &asked) : read_introduced(p, &m);
    for (uint32_t i = 0; rc == 0 && i < asked.count; i++)
        say_id(to, asked.ids[i]);
    for (uint32_t i = 0; rc == 0 && i < m.count; i++) {
        const struct bytes c = m.list[i].certificate;
        say_id(to, m.list[i].id);
        fprintf(to, " certificate=%.*s", (int)c.len, (const char *)c.data);
    }
    return rc;
}
