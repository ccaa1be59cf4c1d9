/* Where the core's remarks go: a sink the host gives. A line is one event; what a peer wrote is
 * sanitised before it gets here. The core never formats floating point or localised text. */
#ifndef VELUM_BASE_LOG_H
#define VELUM_BASE_LOG_H

enum log_level { LOG_ERROR = 0, LOG_WARNING = 1, LOG_INFO = 2, LOG_DEBUG = 3 };

struct log_sink {
    void (*line)(void *ctx, enum log_level level, const char *text);
    void *ctx;
    enum log_level level_max;
};

/* printf-like with a bound of 1,023 bytes a line; a NULL sink swallows it. */
void log_line(const struct log_sink *sink, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
