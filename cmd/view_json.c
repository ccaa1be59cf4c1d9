#include "cmd/view_json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cmd/duration.h"
#include "cmd/view_fields.h"
#include "core/base/text.h"
#include "core/wire/found.h"
#include "core/wire/output.h"
#include "core/wire/spec.h"

/* Length of the valid UTF-8 sequence at `s`, 0 when there is none. Overlong forms, surrogates and
 * what lies past U+10FFFF are not valid. */
static size_t sequence(const unsigned char *s)
{
    size_t len;
    uint32_t point;
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xC2 && s[0] <= 0xDF)
        len = 2, point = s[0] & 0x1Fu;
    else if (s[0] >= 0xE0 && s[0] <= 0xEF)
        len = 3, point = s[0] & 0x0Fu;
    else if (s[0] >= 0xF0 && s[0] <= 0xF4)
        len = 4, point = s[0] & 0x07u;
    else
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (s[i] & 0x3Fu);
    }
    if (len == 3 && (point < 0x800 || (point >= 0xD800 && point <= 0xDFFF)))
        return 0;
    if (len == 4 && (point < 0x10000 || point > 0x10FFFF))
        return 0;
    return len;
}

static void put_escaped(FILE *to, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    fputc('"', to);
    while (*at) {
        size_t len = sequence(at);
        if (len == 0) {
            fputs("\\ufffd", to);
            at++;
            continue;
        }
        if (*at == '"' || *at == '\\')
            fprintf(to, "\\%c", *at);
        else if (*at == '\n')
            fputs("\\n", to);
        else if (*at == '\t')
            fputs("\\t", to);
        else if (*at < 0x20 || *at == 0x7F)
            fprintf(to, "\\u%04x", *at);
        else
            fwrite(at, 1, len, to);
        at += len;
    }
    fputc('"', to);
}

static void before(struct json *j, const char *key)
{
    if (j->comma)
        fputc(',', j->to);
    j->comma = true;
    if (key) {
        put_escaped(j->to, key);
        fputc(':', j->to);
    }
}

void json_begin(struct json *j, FILE *to)
{
    *j = (struct json){.to = to};
}

void json_open(struct json *j, const char *key, char bracket)
{
    before(j, key);
    fputc(bracket, j->to);
    j->comma = false;
}

void json_close(struct json *j, char bracket)
{
    fputc(bracket, j->to);
    j->comma = true;
}

void json_text(struct json *j, const char *key, const char *text)
{
    if (!text) {
        json_null(j, key);
        return;
    }
    before(j, key);
    put_escaped(j->to, text);
}

void json_number(struct json *j, const char *key, uint64_t number)
{
    before(j, key);
    fprintf(j->to, "%" PRIu64, number);
}

void json_seconds(struct json *j, const char *key, uint64_t us)
{
    before(j, key);
    fprintf(j->to, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
}

void json_real(struct json *j, const char *key, double number)
{
    if (isnan(number)) {
        json_text(j, key, "nan");
        return;
    }
    if (isinf(number)) {
        json_text(j, key, number > 0 ? "inf" : "-inf");
        return;
    }
    before(j, key);
    fprintf(j->to, "%.17g", number);
}

void json_truth(struct json *j, const char *key, bool truth)
{
    before(j, key);
    fputs(truth ? "true" : "false", j->to);
}

void json_null(struct json *j, const char *key)
{
    before(j, key);
    fputs("null", j->to);
}

void json_document_open(struct json *j, FILE *to, const char *name)
{
    json_begin(j, to);
    json_open(j, NULL, '{');
    json_number(j, "v", 1);
    json_open(j, name, '[');
}

void json_document_close(struct json *j)
{
    json_close(j, ']');
    json_close(j, '}');
    fputc('\n', j->to);
}

static void put_id(struct json *j, const char *key, const uint8_t bytes[ID_SIZE])
{
    char hex[ID_HEX_SIZE];
    id_hex(bytes, 2 * ID_SIZE, hex);
    json_text(j, key, hex);
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static void put_job_counts(struct json *j, const struct job_view *v)
{
    json_number(j, "units", v->units);
    json_number(j, "leaf_units", v->leaf_units);
    json_number(j, "leaves_total", v->leaves_total);
    json_number(j, "leaves_done", v->leaves_done);
    json_number(j, "nodes", v->nodes);
    json_number(j, "retries", v->retries);
    json_number(j, "duplicates", v->duplicates);
    json_seconds(j, "redone", v->redone_us);
    json_number(j, "durable", v->durable);
    json_number(j, "machines", v->machines);
    json_seconds(j, "seconds", v->elapsed_us);
    json_seconds(j, "cpu_seconds", v->cpu_us);
    json_number(j, "checked", v->checked);
    json_number(j, "unchecked", v->unchecked);
}

/* Of a job that collects: what its result is, which is never in the document itself. */
static void put_job_output(struct json *j, const struct job_view *v)
{
    struct collected c;
    if (v->reduction != REDUCE_COLLECT || v->state != JOB_DONE ||
        read_collected(v->result, &c) < 0) {
        json_null(j, "output");
        return;
    }
    json_open(j, "output", '{');
    put_id(j, "ref", c.list.bytes);
    json_number(j, "bytes", c.size);
    json_number(j, "entries", c.leaves);
    json_close(j, '}');
}

/* Of a search: the lowest unit that matches, and what the kernel says of it, as it travels. */
static void put_job_found(struct json *j, const struct job_view *v)
{
    char hex[2 * ACCUMULATOR_SIZE_MAX + 1] = "";
    if (v->reduction != REDUCE_SEARCH || v->state != JOB_DONE || !found_is_value(v->result)) {
        json_null(j, "found");
        return;
    }
    bool matches = found_matches(v->result);
    json_open(j, "found", '{');
    if (matches)
        json_number(j, "unit", found_unit(v->result));
    else
        json_null(j, "unit");
    for (size_t i = FOUND_HEAD; i < v->result.len; i++)
        snprintf(hex + 2 * (i - FOUND_HEAD), 3, "%02x", v->result.data[i]);
    json_text(j, "bytes", matches ? hex : NULL);
    json_close(j, '}');
}

static void put_job_fields(struct json *j, const struct job_view *v, const char *result)
{
    char submitted[DURATION_TEXT_SIZE];
    duration_iso(v->submitted_s, submitted);
    put_id(j, "id", v->id.bytes);
    json_text(j, "name", or_null(v->name));
    json_text(j, "kernel", v->kernel);
    json_text(j, "args", v->args);
    json_text(j, "state", job_state_name(v->state));
    put_id(j, "by", v->by.bytes);
    put_job_counts(j, v);
    json_text(j, "result", result);
    if (v->state == JOB_DONE)
        put_id(j, "digest", v->digest.bytes);
    else
        json_null(j, "digest");
    bool ended = job_state_is_final(v->state);
    json_text(j, "error", ended ? or_null(v->error) : NULL);
    json_text(j, "note", ended ? NULL : or_null(v->error));
    json_text(j, "tier", or_null(v->tier));
    json_text(j, "submitted", v->submitted_s ? or_null(submitted) : NULL);
    put_job_output(j, v);
    put_job_found(j, v);
}

void json_job(struct json *j, const char *key, const struct job_view *v, const char *result)
{
    json_open(j, key, '{');
    put_job_fields(j, v, result);
    json_close(j, '}');
}

void json_job_exact(struct json *j, const struct job_view *v, const char *result)
{
    json_open(j, NULL, '{');
    put_job_fields(j, v, result);
    view_fields(j, v);
    json_close(j, '}');
}

/* Each as it is: KEY or KEY=VALUE. */
static void put_labels(struct json *j, const struct node_view *v)
{
    struct bytes rest = bytes_of_text(v->labels), label;
    char text[LABELS_SIZE];
    json_open(j, "labels", '[');
    while (labels_next(&rest, &label)) {
        text_sanitise((const char *)label.data, label.len, true, text, sizeof text);
        json_text(j, NULL, text);
    }
    json_close(j, ']');
}

/* What the node's cage is, and what it lacks for the best. */
static void put_tier(struct json *j, const struct node_view *v)
{
    json_text(j, "tier", v->tier == TIER_UNKNOWN ? NULL : tier_name(v->tier));
    json_open(j, "tier_lacks", '[');
    for (unsigned i = 0; i < LACKS_COUNT; i++)
        if (tier_lack(v->tier_lacks, i))
            json_text(j, NULL, tier_lack(v->tier_lacks, i));
    json_close(j, ']');
}

void json_node(struct json *j, const struct node_view *v)
{
    json_open(j, NULL, '{');
    put_id(j, "id", v->id.bytes);
    json_text(j, "name", v->name);
    json_text(j, "addr", or_null(v->addr));
    json_text(j, "state", node_state_name(v->state));
    json_text(j, "arch", v->arch);
    json_number(j, "slots", v->slots);
    json_number(j, "busy", v->busy);
    json_real(j, "load", (double)v->load_percent / 100);
    json_number(j, "mem", v->memory_bytes);
    json_number(j, "speed", v->speed_units_s);
    put_tier(j, v);
    json_text(j, "version", v->version);
    json_seconds(j, "seen_seconds", v->seen_us);
    if (v->self)
        json_seconds(j, "lag_seconds", v->lag_us);
    else
        json_null(j, "lag_seconds");
    json_truth(j, "self", v->self);
    json_truth(j, "coordinator", v->coordinator);
    put_labels(j, v);
    if (v->tells_held) {
        json_number(j, "jobs_held", v->held.jobs);
        json_number(j, "objects_held", v->held.objects);
    }
    json_close(j, '}');
}

static const char *reduction_name(uint8_t reduction)
{
    return reduction == REDUCE_COLLECT ? "collect" : reduction == REDUCE_SEARCH ? "search" : "fold";
}

void json_kernel(struct json *j, const struct kernel_view *v)
{
    json_open(j, NULL, '{');
    json_text(j, "name", v->name);
    json_text(j, "origin",
              v->origin == ORIGIN_BUILTIN  ? "built-in"
              : v->origin == ORIGIN_PLUGIN ? "plugin"
                                           : "snippet");
    json_text(j, "file", or_null(v->path));
    json_text(j, "usage", v->usage);
    json_text(j, "summary", v->summary);
    json_text(j, "reduction", reduction_name(v->reduction));
    if (v->files_from > 0)
        json_number(j, "files_from", v->files_from);
    else
        json_null(j, "files_from");
    json_number(j, "accumulator_bytes", v->accumulator_size);
    json_text(j, "then", or_null(v->then));
    json_text(j, "limits", or_null(v->limits));
    if (v->limits[0])
        json_number(j, "memory_bytes", v->memory);
    else
        json_null(j, "memory_bytes");
    json_text(j, "manual", or_null(v->manual));
    if (v->refused[0])
        json_null(j, "source");
    else
        put_id(j, "source", v->source.bytes);
    json_text(j, "refused", or_null(v->refused));
    json_close(j, '}');
}
