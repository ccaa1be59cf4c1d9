#include "core/wire/message.h"

const char *message_name(unsigned type)
{
    switch (type) {
#define MESSAGE_NAME(name, number)                                                                 \
    case number:                                                                                   \
        return #name;
        MESSAGE_LIST(MESSAGE_NAME)
#undef MESSAGE_NAME
    default:
        return "unknown";
    }
}
