/* Setting up the automaton of grep_dfa.h: bytes between which no instruction of the program tells a
 * difference are one class, so that its rows are short. */
#ifndef VELUM_PLUGINS_GREP_CLASSES_H
#define VELUM_PLUGINS_GREP_CLASSES_H

#include "plugins/grep_dfa.h"

/* Splits every class in those bytes that `in` has and those it has not. */
static void dfa_split(struct dfa *d, const bool in[256])
{
    bool has[256] = {false}, lacks[256] = {false};
    uint16_t inside[256];
    uint32_t count = 0;
    for (uint32_t c = 0; c < 256; c++)
        *(in[c] ? &has[d->class_of[c]] : &lacks[d->class_of[c]]) = true;
    for (uint32_t k = 0; k < d->classes; k++)
        inside[k] = (uint16_t)(has[k] && lacks[k] ? d->classes + count++ : k);
    for (uint32_t c = 0; c < 256; c++)
        if (in[c])
            d->class_of[c] = (uint8_t)inside[d->class_of[c]];
    d->classes += count;
}

static void dfa_find_classes(struct dfa *d)
{
    bool in[256], seen[2][256] = {{false}};
    d->classes = 1;
    for (uint32_t c = 0; c < 256; c++)
        d->class_of[c] = 0;
    for (uint32_t i = 0; i < d->re->count; i++) {
        const struct re_ins ins = d->re->ins[i];
        bool *const again = &seen[ins.op == RE_SET][ins.byte];
        if (ins.op < RE_BYTE || ins.op > RE_SET || (ins.op != RE_ANY && *again))
            continue;
        *again = true;
        for (uint32_t c = 0; c < 256; c++)
            in[c] = c != '\n' && dfa_consumes(d->re, ins, c);
        dfa_split(d, in);
    }
    for (uint32_t c = 0; c < 256; c++)
        in[c] = c == '\n';
    dfa_split(d, in);
    for (uint32_t c = 0; c < 256; c++)
        in[c] = re_is_word(c);
    if (d->asserts_word)
        dfa_split(d, in);
}

static void dfa_init(struct dfa *d, const struct re *re)
{
    d->re = re;
    d->words = (re->count + 63) / 64;
    d->asserts_line = d->asserts_word = d->asserts = false;
    dfa_clear(d, &d->stops);
    for (uint32_t i = 0; i < re->count; i++) {
        const enum re_op op = (enum re_op)re->ins[i].op;
        d->asserts |= op >= RE_LINE_BEGIN;
        d->asserts_line |= op == RE_LINE_BEGIN;
        d->asserts_word |= op >= RE_WORD_BEGIN;
        if (op != RE_JUMP && op != RE_SPLIT)
            dfa_put(&d->stops, i);
    }
    dfa_find_classes(d);
    d->states_max = DFA_TRANS_MAX / d->classes;
    if (d->states_max > DFA_KEYS_MAX / (d->words + 1))
        d->states_max = DFA_KEYS_MAX / (d->words + 1);
    if (d->states_max > DFA_HASH_SIZE / 2)
        d->states_max = DFA_HASH_SIZE / 2;
    dfa_forget(d);
}

#endif
