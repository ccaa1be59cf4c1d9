#include "core/host/shell_word.h"

#include <string.h>

#include "core/base/text.h"

bool shell_word(char *to, size_t cap, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=.,:/@%";
    if (text[0] && strspn(text, plain) == strlen(text))
        return text_append(to, cap, text);
    bool fits = text_append(to, cap, "'");
    for (; *text && fits; text++)
        fits = text_append(to, cap, *text == '\'' ? "'\\''" : (char[]){*text, 0});
    return text_append(to, cap, "'") && fits;
}
