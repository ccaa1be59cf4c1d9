#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>

#define LOG_LINE_SIZE 1024

void log_line(const struct log_sink *sink, enum log_level level, const char *format, ...)
{
    if (!sink || level > sink->level_max)
        return;
    char text[LOG_LINE_SIZE];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    /* A format that cannot be printed still leaves a trace of where it came from. */
    sink->line(sink->ctx, level, n < 0 ? format : text);
}
