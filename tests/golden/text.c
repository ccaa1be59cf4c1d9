#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"
#include "tests/golden/golden.h"

#define LINE_BYTES 32

void golden_write_hex(struct bytes b, FILE *to)
{
    for (size_t i = 0; i < b.len; i++)
        fprintf(to, "%02x", b.data[i]);
}

long golden_read_hex(FILE *from, uint8_t *to, size_t cap)
{
    size_t n = 0;
    unsigned byte;
    int c;
    while (n < cap && fscanf(from, "%2x", &byte) == 1) {
        to[n++] = (uint8_t)byte;
        c = fgetc(from);
        if (c == '\n' || c == EOF)
            return (long)n;
        ungetc(c, from);
    }
    return -1;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct store_memory_name *)a)->name,
                  ((const struct store_memory_name *)b)->name);
}

void golden_write_store(struct store_memory *m, FILE *to)
{
    static const uint8_t zero[LINE_BYTES];
    struct store_memory_name names[STORE_MEMORY_NAMES_MAX];
    memcpy(names, m->seen, sizeof names);
    qsort(names, STORE_MEMORY_NAMES_MAX, sizeof *names, compare_names);
    for (size_t i = 0; i < STORE_MEMORY_NAMES_MAX; i++) {
        struct store_memory_content *c;
        if (names[i].name[0] == '\0')
            continue;
        c = store_memory_find(m, names[i].name);
        ensure(c != NULL);
        fprintf(to, "file %s %" PRIu64 "\n", names[i].name, c->size);
        for (uint64_t at = 0; at < c->size; at += LINE_BYTES) {
            size_t n = c->size - at < LINE_BYTES ? (size_t)(c->size - at) : LINE_BYTES;
            if (memcmp(c->data + at, zero, n) == 0)
                continue;
            fprintf(to, "%04" PRIx64 " ", at);
            golden_write_hex((struct bytes){c->data + at, n}, to);
            fputc('\n', to);
        }
    }
}

/* One line into the file that is open. */
static bool read_line(struct store_memory *m, int file, const char *text)
{
    uint8_t line[LINE_BYTES];
    unsigned byte;
    uint64_t at;
    int skip;
    size_t n = 0;
    if (file < 0 || sscanf(text, "%" SCNx64 " %n", &at, &skip) != 1)
        return false;
    for (text += skip; n < LINE_BYTES && sscanf(text, "%2x", &byte) == 1; text += 2)
        line[n++] = (uint8_t)byte;
    return m->store.write_at(m, file, at, line, n) == 0;
}

bool golden_read_store(struct store_memory *m, FILE *from)
{
    char text[128], name[STORE_NAME_SIZE];
    uint64_t size;
    int file = -1;
    bool good = true;
    while (good && fgets(text, sizeof text, from) != NULL) {
        if (sscanf(text, "file %47s %" SCNu64, name, &size) != 2) {
            good = read_line(m, file, text);
            continue;
        }
        if (file >= 0)
            m->store.close(m, file);
        file = m->store.open(m, name, true);
        good = file >= 0 && m->store.preallocate(m, file, size) == 0;
    }
    if (file >= 0)
        m->store.close(m, file);
    store_memory_settle(m);
    return good && file >= 0;
}
