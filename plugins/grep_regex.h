/* Regular expressions for grep.c: the parser, and the program it makes.
 *
 * POSIX basic and extended expressions over bytes, with what GNU adds to both: \+ \? \| in basic
 * ones, and \w \W \s \S \< \> \b \B. Not here: references back to groups (\1), which no program of
 * this kind can have, and what POSIX leaves undefined; both are refused with a sentence. A newline
 * in the pattern separates alternatives, as grep has it.
 *
 * The program is a nondeterministic automaton: each instruction consumes one byte, or asserts
 * something about the place, or only points on. It is in one piece, and jumps are relative, so that
 * a repetition copies instructions as they are. Part of the one source of a kernel, hence static.
 */
#ifndef VELUM_PLUGINS_GREP_REGEX_H
#define VELUM_PLUGINS_GREP_REGEX_H

#include <stdbool.h>

#include "plugins/velum_kernel.h"

#define RE_INS_MAX 2048
#define RE_SETS_MAX 64
#define RE_DEPTH_MAX 64
#define RE_REPEAT_MAX 255
#define RE_MUST_MAX 1024

enum re_op {
    RE_MATCH,
    RE_JUMP,  /* to `rel` */
    RE_SPLIT, /* on, and to `rel` */
    RE_BYTE,
    RE_FOLD, /* a letter, given small, in both cases */
    RE_ANY,  /* but a newline */
    RE_SET,  /* sets[byte] */
    RE_LINE_BEGIN,
    RE_LINE_END,
    RE_WORD_BEGIN,
    RE_WORD_END,
    RE_WORD_EDGE,
    RE_WORD_INSIDE
};

struct re_ins {
    uint8_t op, byte;
    int16_t rel;
};

struct re {
    struct re_ins ins[RE_INS_MAX];
    uint32_t count;
    uint8_t sets[RE_SETS_MAX][32];
    uint32_t sets_count;
    /* The longest text that stands in every match, for a quick search; empty when there is none.
     * Letters are small where case is ignored. */
    uint8_t must[RE_MUST_MAX];
    uint32_t must_len;
    bool only_must; /* and it is all there is to match */
    /* Of the parser. */
    const uint8_t *at, *end;
    bool extended, fold;
    uint32_t depth;
    uint8_t run[RE_MUST_MAX];
    uint32_t run_len;
    const char *error;
};

static bool re_fail(struct re *re, const char *why)
{
    if (!re->error)
        re->error = why;
    return false;
}

static bool re_add(struct re *re, enum re_op op, uint8_t byte, uint32_t rel)
{
    if (re->count == RE_INS_MAX)
        return re_fail(re, "the pattern is too long once its repetitions are written out");
    re->ins[re->count++] = (struct re_ins){(uint8_t)op, byte, (int16_t)rel};
    return true;
}

/* Puts an instruction before those that are there from `at` on. */
static bool re_insert(struct re *re, uint32_t at, enum re_op op, uint32_t rel)
{
    if (!re_add(re, op, 0, 0))
        return false;
    for (uint32_t i = re->count - 1; i > at; i--)
        re->ins[i] = re->ins[i - 1];
    re->ins[at] = (struct re_ins){(uint8_t)op, 0, (int16_t)rel};
    return true;
}

static bool re_is_letter(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool re_is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool re_is_word(uint32_t c)
{
    return re_is_letter(c) || re_is_digit(c) || c == '_';
}

static bool re_is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool re_add_byte(struct re *re, uint8_t c)
{
    return re->fold && re_is_letter(c) ? re_add(re, RE_FOLD, c | 0x20, 0)
                                       : re_add(re, RE_BYTE, c, 0);
}

static bool re_has(const uint8_t set[32], uint32_t c)
{
    return set[c / 8] >> c % 8 & 1;
}

static void re_put(uint8_t set[32], uint32_t c)
{
    set[c / 8] |= (uint8_t)(1u << c % 8);
}

/* Adds the set as an instruction; equal sets are kept once. No set has the newline in it. */
static bool re_add_set(struct re *re, uint8_t set[32], bool negated)
{
    uint32_t i, j;
    for (i = 'a'; re->fold && i <= 'z'; i++)
        if (re_has(set, i) || re_has(set, i - 0x20))
            re_put(set, i), re_put(set, i - 0x20);
    for (i = 0; negated && i < 32; i++)
        set[i] = (uint8_t)~set[i];
    set['\n' / 8] &= (uint8_t) ~(1u << '\n' % 8);
    for (i = 0; i < re->sets_count; i++) {
        for (j = 0; j < 32 && re->sets[i][j] == set[j]; j++)
            ;
        if (j == 32)
            return re_add(re, RE_SET, (uint8_t)i, 0);
    }
    if (i == RE_SETS_MAX)
        return re_fail(re, "the pattern has more than 64 different bracket expressions");
    for (j = 0; j < 32; j++)
        re->sets[i][j] = set[j];
    re->sets_count++;
    return re_add(re, RE_SET, (uint8_t)i, 0);
}

/* The fragment from `start` to the end, that many times; max < 0 is without end. */
static bool re_repeat(struct re *re, uint32_t start, int min, int max)
{
    const uint32_t len = re->count - start, step = len + 1;
    const uint32_t from = min == 0 && max > 0 ? start + 1 : start;
    uint32_t splits;
    if (max == 0)
        re->count = start;
    if (len == 0 || max == 0)
        return true;
    if (min == 0 && max < 0)
        return re_insert(re, start, RE_SPLIT, len + 2) &&
               re_add(re, RE_JUMP, 0, (uint32_t) - (int32_t)step);
    if (min == 0 && !re_insert(re, start, RE_SPLIT, 0))
        return false;
    for (int i = 1; i < min; i++)
        for (uint32_t j = 0; j < len; j++)
            if (!re_add(re, (enum re_op)re->ins[from + j].op, re->ins[from + j].byte,
                        (uint32_t)re->ins[from + j].rel))
                return false;
    if (max < 0)
        return re_add(re, RE_SPLIT, 0, (uint32_t) - (int32_t)len);
    splits = min == 0 ? start : re->count;
    for (int i = min == 0 ? 1 : min; i < max; i++) {
        if (!re_add(re, RE_SPLIT, 0, 0))
            return false;
        for (uint32_t j = 0; j < len; j++)
            if (!re_add(re, (enum re_op)re->ins[from + j].op, re->ins[from + j].byte,
                        (uint32_t)re->ins[from + j].rel))
                return false;
    }
    for (; splits < re->count; splits += step)
        re->ins[splits].rel = (int16_t)(re->count - splits);
    return true;
}

/* A run of bytes that every match has in it ends; the longest counts. */
static void re_end_run(struct re *re)
{
    if (re->run_len > re->must_len) {
        for (uint32_t i = 0; i < re->run_len; i++)
            re->must[i] = re->run[i];
        re->must_len = re->run_len;
    }
    re->run_len = 0;
}

/* A piece is parsed: a single byte that must be there goes on with the run of such bytes. */
static void re_note_piece(struct re *re, struct re_ins ins, bool single, bool repeated, bool needed)
{
    if (re->depth > 0)
        return;
    if (!single || !needed || (ins.op != RE_BYTE && ins.op != RE_FOLD)) {
        re_end_run(re);
        return;
    }
    re->run[re->run_len++] = ins.byte;
    if (repeated)
        re_end_run(re);
}

#endif
