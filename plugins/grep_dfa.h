/* Matching for grep.c: the program of grep_regex.h, run over bytes as a deterministic automaton
 * that is made as it is needed. A state is a set of instructions and what kind of byte came last;
 * what a byte leads to is worked out once and then looked up, so that most bytes cost two loads.
 * The states fill a fixed table, which is emptied when it is full: a byte then costs at most the
 * length of the program, and there is no going back over bytes. */
#ifndef VELUM_PLUGINS_GREP_DFA_H
#define VELUM_PLUGINS_GREP_DFA_H

#include "plugins/grep_find.h"
#include "plugins/grep_regex.h"

#define DFA_WORDS_MAX (RE_INS_MAX / 64)
#define DFA_TRANS_MAX 163840u
#define DFA_KEYS_MAX 32768u
#define DFA_HASH_SIZE 8192u

/* In place of a state, which begins its row of `trans`; no row begins here. In DEAD nothing can
 * match before the next line begins. */
#define DFA_UNKNOWN 0u
#define DFA_ACCEPT 1u
#define DFA_DEAD 2u

enum dfa_last { DFA_LINE_BEGIN, DFA_WORD, DFA_OTHER };

struct dfa_set {
    uint64_t bits[DFA_WORDS_MAX];
};

struct dfa {
    const struct re *re;
    uint32_t words, classes;
    uint32_t states, states_max; /* rows in use, with those in front */
    uint32_t start;
    bool asserts, asserts_line, asserts_word;
    uint8_t class_of[256];
    struct dfa_set stops;        /* instructions that do more than point on */
    uint64_t keys[DFA_KEYS_MAX]; /* of each row: the set, and the kind of the last byte */
    uint32_t trans[DFA_TRANS_MAX];
    uint16_t hash[DFA_HASH_SIZE]; /* rows; 0 is empty */
    uint16_t stack[2 * RE_INS_MAX];
};

static bool dfa_get(const struct dfa_set *s, uint32_t i)
{
    return s->bits[i / 64] >> i % 64 & 1;
}

static void dfa_put(struct dfa_set *s, uint32_t i)
{
    s->bits[i / 64] |= (uint64_t)1 << i % 64;
}

static void dfa_clear(const struct dfa *d, struct dfa_set *s)
{
    for (uint32_t i = 0; i < d->words; i++)
        s->bits[i] = 0;
}

/* Adds instruction `at` and what it points on to. */
static void dfa_add(struct dfa *d, struct dfa_set *s, uint32_t at)
{
    uint32_t left = 0;
    d->stack[left++] = (uint16_t)at;
    while (left > 0) {
        const uint32_t i = d->stack[--left];
        const struct re_ins ins = d->re->ins[i];
        if (dfa_get(s, i))
            continue;
        dfa_put(s, i);
        if (ins.op == RE_JUMP || ins.op == RE_SPLIT)
            d->stack[left++] = (uint16_t)((int32_t)i + ins.rel);
        if (ins.op == RE_SPLIT)
            d->stack[left++] = (uint16_t)(i + 1);
    }
}

static bool dfa_holds(enum re_op op, enum dfa_last last, uint32_t next)
{
    const bool before = last == DFA_WORD, after = re_is_word(next);
    switch (op) {
    case RE_LINE_BEGIN:
        return last == DFA_LINE_BEGIN;
    case RE_LINE_END:
        return next == '\n';
    case RE_WORD_BEGIN:
        return !before && after;
    case RE_WORD_END:
        return before && !after;
    case RE_WORD_EDGE:
        return before != after;
    case RE_WORD_INSIDE:
        return before == after;
    default:
        return false;
    }
}

/* Goes past every assertion that holds between the last byte and the next, and past those behind
 * it. */
static void dfa_pass(struct dfa *d, struct dfa_set *s, enum dfa_last last, uint32_t next)
{
    for (bool more = d->asserts; more;) {
        more = false;
        for (uint32_t i = 0; i < d->re->count; i++) {
            const enum re_op op = (enum re_op)d->re->ins[i].op;
            if (op < RE_LINE_BEGIN || !dfa_get(s, i) || dfa_get(s, i + 1) ||
                !dfa_holds(op, last, next))
                continue;
            dfa_add(d, s, i + 1);
            more = true;
        }
    }
}

static bool dfa_consumes(const struct re *re, struct re_ins ins, uint32_t c)
{
    switch (ins.op) {
    case RE_BYTE:
        return c == ins.byte;
    case RE_FOLD:
        return (c | 0x20) == ins.byte;
    case RE_ANY:
        return true;
    case RE_SET:
        return re_has(re->sets[ins.byte], c);
    default:
        return false;
    }
}

static void dfa_forget(struct dfa *d)
{
    for (uint32_t i = 0; i < DFA_HASH_SIZE; i++)
        d->hash[i] = 0;
    d->states = DFA_DEAD / d->classes + 1;
    d->start = DFA_UNKNOWN;
}

static bool dfa_is(const struct dfa *d, uint32_t row, const struct dfa_set *s, enum dfa_last last)
{
    const uint64_t *key = d->keys + (size_t)row * (d->words + 1);
    for (uint32_t i = 0; i < d->words; i++)
        if (key[i] != s->bits[i])
            return false;
    return key[d->words] == (uint64_t)last;
}

/* The state that is this set; made when there is none yet. */
static uint32_t dfa_state(struct dfa *d, const struct dfa_set *s, enum dfa_last last)
{
    uint64_t h = (uint64_t)last + 1;
    for (uint32_t i = 0; i < d->words; i++)
        h = (h ^ s->bits[i]) * 0x9e3779b97f4a7c15u, h ^= h >> 29;
    uint32_t at = (uint32_t)(h % DFA_HASH_SIZE);
    for (; d->hash[at]; at = (at + 1) % DFA_HASH_SIZE)
        if (dfa_is(d, d->hash[at], s, last))
            return d->hash[at] * d->classes;
    if (d->states == d->states_max) {
        dfa_forget(d);
        at = (uint32_t)(h % DFA_HASH_SIZE);
    }
    const uint32_t row = d->states++;
    uint64_t *key = d->keys + (size_t)row * (d->words + 1);
    d->hash[at] = (uint16_t)row;
    for (uint32_t i = 0; i < d->words; i++)
        key[i] = s->bits[i];
    key[d->words] = (uint64_t)last;
    for (uint32_t i = 0; i < d->classes; i++)
        d->trans[row * d->classes + i] = DFA_UNKNOWN;
    return row * d->classes;
}

/* Keeps of the set what makes a difference, and names it. A set with the end of the program in it
 * has matched, whatever follows. */
static uint32_t dfa_name(struct dfa *d, struct dfa_set *s, enum dfa_last last)
{
    if (dfa_get(s, d->re->count - 1))
        return DFA_ACCEPT;
    for (uint32_t i = 0; i < d->words; i++)
        s->bits[i] &= d->stops.bits[i];
    if (!d->asserts_word && !(d->asserts_line && last == DFA_LINE_BEGIN))
        last = DFA_OTHER;
    return dfa_state(d, s, last);
}

/* All that is left to go on with begins a line. */
static bool dfa_is_dead(const struct dfa *d, const struct dfa_set *s)
{
    if (!d->asserts_line)
        return false;
    for (uint32_t i = 0; i < d->re->count; i++)
        if (dfa_get(s, i) && dfa_get(&d->stops, i) && d->re->ins[i].op != RE_LINE_BEGIN)
            return false;
    return true;
}

static uint32_t dfa_begin_line(struct dfa *d)
{
    struct dfa_set s;
    if (d->start != DFA_UNKNOWN)
        return d->start;
    dfa_clear(d, &s);
    dfa_add(d, &s, 0);
    d->start = dfa_name(d, &s, DFA_LINE_BEGIN);
    return d->start;
}

/* Where byte c leads to from a state: a match may begin at each byte. */
static uint32_t dfa_work_out(struct dfa *d, uint32_t state, uint32_t c)
{
    const uint64_t *key = d->keys + (size_t)(state / d->classes) * (d->words + 1);
    struct dfa_set from, to;
    for (uint32_t i = 0; i < d->words; i++)
        from.bits[i] = key[i];
    dfa_pass(d, &from, (enum dfa_last)key[d->words], c);
    if (dfa_get(&from, d->re->count - 1))
        return DFA_ACCEPT;
    if (c == '\n')
        return dfa_begin_line(d);
    dfa_clear(d, &to);
    for (uint32_t i = 0; i < d->re->count; i++)
        if (dfa_get(&from, i) && dfa_consumes(d->re, d->re->ins[i], c))
            dfa_add(d, &to, i + 1);
    dfa_add(d, &to, 0);
    if (dfa_is_dead(d, &to))
        return DFA_DEAD;
    return dfa_name(d, &to, re_is_word(c) ? DFA_WORD : DFA_OTHER);
}

static uint32_t dfa_step(struct dfa *d, uint32_t state, uint32_t c)
{
    if (state == DFA_DEAD)
        return c == '\n' ? dfa_begin_line(d) : DFA_DEAD;
    const uint32_t place = state + d->class_of[c];
    if (d->trans[place] != DFA_UNKNOWN)
        return d->trans[place];
    const uint32_t states = d->states, to = dfa_work_out(d, state, c);
    if (d->states >= states) /* the table was not emptied */
        d->trans[place] = to;
    return to;
}

/* Runs on from *at, until the line in which it is matches or the bytes end. DFA_ACCEPT with *at
 * behind the byte that decided it, or the state at the end. */
static uint32_t dfa_run(struct dfa *d, uint32_t state, const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at;
    const uint8_t *const class_of = d->class_of;
    const uint32_t *const trans = d->trans;
    while (p < end && state != DFA_ACCEPT) {
        uint32_t next = trans[state + class_of[*p]];
        if (next == DFA_UNKNOWN)
            next = dfa_step(d, state, *p);
        state = next;
        p++;
        if (next > DFA_DEAD || next == DFA_ACCEPT)
            continue;
        p = find_byte(p, end, '\n');
        if (p < end) {
            state = dfa_begin_line(d);
            p++;
        }
    }
    *at = p;
    return state;
}

#endif
