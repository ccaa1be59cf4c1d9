/* What the nodes of a story stored: every record counts as synced at once. */
#include <stdlib.h>

#include "core/base/ensure.h"
#include "tests/lib/story_inside.h"

struct story_record {
    struct story_record *next;
    uint16_t type;
    uint8_t *data;
    size_t len;
};

static void list_free(struct story_record *r)
{
    for (struct story_record *next; r != NULL; r = next) {
        next = r->next;
        free(r->data);
        free(r);
    }
}

static struct story_record **list_end(struct story_record **list)
{
    while (*list != NULL)
        list = &(*list)->next;
    return list;
}

static struct story_record *record_make(uint16_t type, struct bytes payload)
{
    struct story_record *r = calloc(1, sizeof *r);

    ensure(r);
    r->type = type;
    r->data = story_copy(payload);
    r->len = payload.len;
    return r;
}

void story_disk_store(struct story_node *n, uint16_t type, struct bytes payload)
{
    if (n->keeps_disk)
        *list_end(&n->stored) = record_make(type, payload);
}

void story_disk_slice(struct story_node *n, bool first, struct bytes records)
{
    struct reader r = reader_of(records);

    if (first) {
        list_free(n->slices);
        n->slices = NULL;
    }
    while (n->keeps_disk && reader_left(&r) > 0) {
        uint16_t type = read_u16(&r);

        *list_end(&n->slices) = record_make(type, read_block(&r, UINT32_MAX));
        ensure(!r.failed);
    }
}

void story_disk_compact(struct story_node *n, bool first, struct bytes records)
{
    story_disk_slice(n, first, records);
    list_free(n->stored);
    n->stored = n->slices;
    n->slices = NULL;
}

void story_disk_replay(struct story_node *n)
{
    for (const struct story_record *r = n->stored; r != NULL; r = r->next)
        ensure(node_replay(n->core, r->type, (struct bytes){r->data, r->len}) == 0);
}

void story_disk_free(struct story_node *n)
{
    list_free(n->stored);
    list_free(n->slices);
    n->stored = n->slices = NULL;
}

struct story_record *story_image(const struct story *s, uint32_t i)
{
    struct story_record *copy = NULL, **end = &copy;

    for (const struct story_record *r = s->nodes[i].stored; r != NULL; r = r->next) {
        *end = record_make(r->type, (struct bytes){r->data, r->len});
        end = &(*end)->next;
    }
    return copy;
}

void story_image_free(struct story_record *image)
{
    list_free(image);
}

void story_restore(struct story *s, uint32_t i, struct story_record *image)
{
    ensure(s->nodes[i].core == NULL);
    list_free(s->nodes[i].stored);
    s->nodes[i].stored = image;
}

void story_store(struct story *s, uint32_t i, uint16_t type, struct bytes payload)
{
    story_disk_store(&s->nodes[i], type, payload);
}
