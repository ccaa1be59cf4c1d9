#include "core/host/bcrypt.h"

#include <crypt.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"

/* Its 32 KiB are the worker's, which computes one leaf at a time. */
static struct crypt_data work;

int bcrypt_text(const void *bytes, size_t size, const char *setting, char text[BCRYPT_SIZE])
{
    char phrase[BCRYPT_BYTES + 1] = {0}, of[BCRYPT_SETTING + 1];
    const size_t len = size < BCRYPT_BYTES ? size : BCRYPT_BYTES;
    text[0] = '\0';
    if (strnlen(setting, BCRYPT_SETTING) < BCRYPT_SETTING || strncmp(setting, "$2", 2) != 0)
        return ERR_ARGUMENT;
    if (len > 0 && memchr(bytes, 0, len))
        return ERR_ARGUMENT;
    if (len > 0)
        memcpy(phrase, bytes, len);
    memcpy(of, setting, BCRYPT_SETTING);
    of[BCRYPT_SETTING] = '\0';
    const char *answer = crypt_r(phrase, of, &work);
    if (!answer || answer[0] == '*')
        return ERR_ARGUMENT;
    if (strlen(answer) != BCRYPT_SIZE - 1)
        return ERR_SYSTEM;
    text_copy(text, BCRYPT_SIZE, answer);
    return 0;
}

const char *bcrypt_library_version(void)
{
#ifdef XCRYPT_VERSION_STR
    return XCRYPT_VERSION_STR;
#else
    return "";
#endif
}
