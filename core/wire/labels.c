#include "core/wire/labels.h"

#include <string.h>

#include "core/base/text.h"

#define KEY_MAX 31
#define VALUE_MAX 63

static bool is_word(struct bytes text, size_t max, const char *also)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (c == 0 || (!plain && !strchr(also, c)))
            return false;
    }
    return text.len > 0 && text.len <= max;
}

static struct bytes key_of(struct bytes label)
{
    const uint8_t *at = label.len > 0 ? memchr(label.data, '=', label.len) : NULL;
    return at ? (struct bytes){label.data, (size_t)(at - label.data)} : label;
}

bool label_is_sound(struct bytes label)
{
    struct bytes key = key_of(label);
    size_t before = key.len + 1;
    if (!is_word(key, KEY_MAX, "._-"))
        return false;
    return key.len == label.len ||
           is_word((struct bytes){label.data + before, label.len - before}, VALUE_MAX, "._-/:+");
}

bool labels_next(struct bytes *labels, struct bytes *label)
{
    const uint8_t *at = labels->len > 0 ? memchr(labels->data, ' ', labels->len) : NULL;
    if (labels->len == 0)
        return false;
    *label = (struct bytes){labels->data, at ? (size_t)(at - labels->data) : labels->len};
    labels->data += label->len + (at ? 1 : 0);
    labels->len -= label->len + (at ? 1 : 0);
    return true;
}

bool labels_are_sound(struct bytes labels)
{
    struct bytes label;
    if (labels.len >= LABELS_SIZE || (labels.len > 0 && labels.data[labels.len - 1] == ' '))
        return false;
    while (labels_next(&labels, &label))
        if (!label_is_sound(label))
            return false;
    return true;
}

bool labels_have(struct bytes labels, struct bytes wanted)
{
    bool by_key = key_of(wanted).len == wanted.len;
    struct bytes label;
    while (labels_next(&labels, &label))
        if (bytes_equal(by_key ? key_of(label) : label, wanted))
            return true;
    return false;
}

static bool append(char labels[LABELS_SIZE], struct bytes label)
{
    size_t at = strlen(labels);
    if (at + (at > 0) + label.len >= LABELS_SIZE)
        return false;
    if (at > 0)
        labels[at++] = ' ';
    memcpy(labels + at, label.data, label.len);
    labels[at + label.len] = 0;
    return true;
}

bool labels_add(char labels[LABELS_SIZE], const char *label)
{
    char made[LABELS_SIZE] = "";
    struct bytes added = bytes_of_text(label), rest = bytes_of_text(labels), old;
    bool placed = false, room = true;
    if (!label_is_sound(added))
        return false;
    while (room && labels_next(&rest, &old)) {
        bool same = bytes_equal(key_of(old), key_of(added));
        if (!same || !placed)
            room = append(made, same ? added : old);
        placed |= same;
    }
    if (!room || (!placed && !append(made, added)))
        return false;
    return text_copy(labels, LABELS_SIZE, made);
}

void labels_remove(char labels[LABELS_SIZE], const char *label)
{
    char before[LABELS_SIZE];
    struct bytes rest, one;
    text_copy(before, sizeof before, labels);
    rest = bytes_of_text(before);
    labels[0] = '\0';
    while (labels_next(&rest, &one)) {
        char text[LABELS_SIZE];
        memcpy(text, one.data, one.len);
        text[one.len] = '\0';
        if (strcmp(text, label) != 0)
            (void)labels_add(labels, text);
    }
}
