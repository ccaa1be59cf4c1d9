/* Writes the golden files of this generation: record FOLDER. See golden.h. */
#include <stdio.h>
#include <string.h>

#include "core/wire/frame.h"
#include "core/wire/message.h"
#include "tests/golden/golden.h"

static FILE *file_in(const char *folder, const char *name, const char *end)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s%s", folder, name, end);
    FILE *f = fopen(path, "w");
    if (f == NULL)
        perror(path);
    return f;
}

static int record_journal(const char *folder, size_t i)
{
    FILE *hex = file_in(folder, golden_journal_name(i), ".hex");
    FILE *text = file_in(folder, golden_journal_name(i), ".txt");
    if (hex == NULL || text == NULL)
        return 1;
    struct store_memory *m = golden_journal_make(i);
    golden_write_store(m, hex);
    golden_journal_tell(m, text);
    store_memory_free(m);
    return fclose(hex) != 0 || fclose(text) != 0;
}

static int record_message(struct bytes frame, const char *name, FILE *hex, FILE *text)
{
    int rc;
    fprintf(hex, "%s ", name);
    golden_write_hex(frame, hex);
    fputc('\n', hex);
    rc = golden_message_tell(frame, text);
    if (rc < 0)
        fprintf(stderr, "%s does not come back: %d\n", name, rc);
    return rc;
}

static int record_messages(const char *folder)
{
    static uint8_t room[FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX];
    FILE *hex = file_in(folder, "messages", ".hex"), *text = file_in(folder, "messages", ".txt");
    int rc = hex == NULL || text == NULL;
    struct buf b;
    for (unsigned type = 1; rc == 0 && type < 256; type++) {
        if (strcmp(message_name(type), "unknown") == 0)
            continue;
        buf_init_fixed(&b, room, sizeof room);
        golden_message_make((uint8_t)type, &b);
        rc = record_message(buf_bytes(&b), message_name(type), hex, text);
    }
    buf_init_fixed(&b, room, sizeof room);
    for (size_t i = 0; rc == 0 && golden_message_other(i, &b); i++, buf_reset(&b))
        rc = record_message(buf_bytes(&b), "OTHER", hex, text);
    return rc != 0 || fclose(hex) != 0 || fclose(text) != 0;
}

int main(int argc, char **argv)
{
    int rc = argc == 2 ? 0 : 2;
    for (size_t i = 0; rc == 0 && golden_journal_name(i) != NULL; i++)
        rc = record_journal(argv[1], i);
    return rc == 0 ? record_messages(argv[1]) : rc;
}
