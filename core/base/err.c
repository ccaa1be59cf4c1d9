#include "core/base/err.h"

const char *err_sentence(int code)
{
    switch (code) {
#define ERR_CASE(name, number, sentence)                                                           \
    case ERR_##name:                                                                               \
        return sentence;
        ERR_LIST(ERR_CASE)
#undef ERR_CASE
    default:
        return "unknown error";
    }
}
