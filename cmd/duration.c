#include "cmd/duration.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/err.h"

static const struct unit {
    const char *name;
    int64_t us;
} units[] = {
    {"us", 1},       {"ms", 1000},      {"s", 1000000},    {"", 1000000},
    {"m", 60000000}, {"min", 60000000}, {"h", 3600000000}, {"d", 86400000000},
};

static int unit_of(const char *text, int64_t *us)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i].name, text) == 0) {
            *us = units[i].us;
            return 0;
        }
    return ERR_FORMAT;
}

/* Digits, then more behind a point, of which the first six count, as millionths; no floating point,
 * so that 0.1s is exactly 100,000 us. */
static const char *take_number(const char *at, int64_t *whole, int64_t *millionths)
{
    *whole = *millionths = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (*whole > DURATION_MAX_US)
            return NULL;
        *whole = *whole * 10 + (*at - '0');
    }
    if (*at != '.')
        return at;
    at++;
    int64_t place = 100000;
    if (*at < '0' || *at > '9')
        return NULL;
    for (; *at >= '0' && *at <= '9'; at++, place /= 10)
        *millionths += (*at - '0') * place;
    return at;
}

int duration_parse(const char *text, int64_t *us)
{
    int64_t whole, millionths, unit;
    if (text[0] < '0' || text[0] > '9')
        return ERR_FORMAT;
    const char *rest = take_number(text, &whole, &millionths);
    if (!rest || unit_of(rest, &unit) < 0)
        return ERR_FORMAT;
    if (whole > DURATION_MAX_US / unit)
        return ERR_TOO_LARGE;
    *us = whole * unit + millionths * unit / 1000000;
    return *us > DURATION_MAX_US ? ERR_TOO_LARGE : 0;
}

void duration_short(uint64_t us, char to[DURATION_TEXT_SIZE])
{
    uint64_t s = us / 1000000;
    if (s < 10)
        snprintf(to, DURATION_TEXT_SIZE, "%.1f s", (double)us / 1e6);
    else if (s < 120)
        snprintf(to, DURATION_TEXT_SIZE, "%llu s", (unsigned long long)s);
    else if (s < 7200)
        snprintf(to, DURATION_TEXT_SIZE, "%llu min", (unsigned long long)(s / 60));
    else if (s < 172800)
        snprintf(to, DURATION_TEXT_SIZE, "%llu h", (unsigned long long)(s / 3600));
    else
        snprintf(to, DURATION_TEXT_SIZE, "%llu d", (unsigned long long)(s / 86400));
}

void duration_clock(uint64_t us, char to[DURATION_TEXT_SIZE])
{
    unsigned long long s = (us + 500000) / 1000000;
    if (s < 3600)
        snprintf(to, DURATION_TEXT_SIZE, "%llu:%02llu", s / 60, s % 60);
    else
        snprintf(to, DURATION_TEXT_SIZE, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
}

void duration_iso(int64_t unix_s, char to[DURATION_TEXT_SIZE])
{
    time_t t = (time_t)unix_s;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || strftime(to, DURATION_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        to[0] = 0;
}
