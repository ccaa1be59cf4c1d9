#include "cmd/dot.h"

static void put_text(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', to);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, to);
    }
}

void dot_open(FILE *to, const char *name)
{
    fputs("digraph \"", to);
    put_text(to, name);
    fputs("\" {\n  rankdir = LR;\n  node [shape = box, fontname = \"sans-serif\"];\n", to);
}

void dot_close(FILE *to)
{
    fputs("}\n", to);
}

void dot_stage(FILE *to, uint32_t number, const char *name, const char *what, const char *more,
               const char *colour)
{
    fprintf(to, "  s%u [label = \"", (unsigned)number);
    put_text(to, name);
    fputs("\\n", to);
    put_text(to, what);
    fputs("\\n", to);
    put_text(to, more);
    fputs("\"", to);
    if (colour[0])
        fprintf(to, ", style = filled, fillcolor = \"%s\"", colour);
    fputs("];\n", to);
}

void dot_file(FILE *to, uint32_t number, const char *name)
{
    fprintf(to, "  f%u [label = \"", (unsigned)number);
    put_text(to, name);
    fputs("\", shape = note];\n", to);
}

void dot_reads(FILE *to, bool from_file, uint32_t from, uint32_t to_stage)
{
    fprintf(to, "  %c%u -> s%u;\n", from_file ? 'f' : 's', (unsigned)from, (unsigned)to_stage);
}

void dot_waits(FILE *to, uint32_t from, uint32_t to_stage)
{
    fprintf(to, "  s%u -> s%u [style = dashed];\n", (unsigned)from, (unsigned)to_stage);
}
