#include "core/host/snippet_headers.h"

#include <string.h>

/* The assembler takes the bytes in, so that there is no second copy to keep equal. The compiler
 * runs in the root of the tree. */
#define EMBED(symbol, file)                                                                        \
    __asm__(".pushsection .rodata\n"                                                               \
            ".hidden " #symbol "\n"                                                                \
            ".hidden " #symbol "_end\n"                                                            \
            ".globl " #symbol "\n" #symbol ":\n"                                                   \
            ".incbin \"" file "\"\n"                                                               \
            ".globl " #symbol "_end\n" #symbol "_end:\n"                                           \
            ".byte 0\n"                                                                            \
            ".popsection\n");                                                                      \
    extern const uint8_t symbol[], symbol##_end[]

EMBED(snippet_kernel_h, "plugins/velum_kernel.h");
EMBED(snippet_helper_c, "plugins/helper.c");
EMBED(snippet_built_c, "core/host/snippet/built.c");
EMBED(snippet_stdint_h, "core/host/snippet/stdint.h");
EMBED(snippet_stddef_h, "core/host/snippet/stddef.h");
EMBED(snippet_stdbool_h, "core/host/snippet/stdbool.h");
EMBED(snippet_stdarg_h, "core/host/snippet/stdarg.h");
EMBED(snippet_limits_h, "core/host/snippet/limits.h");
EMBED(snippet_float_h, "core/host/snippet/float.h");
EMBED(snippet_math_h, "core/host/snippet/math.h");
EMBED(snippet_string_h, "core/host/snippet/string.h");
EMBED(snippet_velum_data_h, "core/host/snippet/velum_data.h");

static const struct {
    const char *name;
    const uint8_t *text, *end;
} headers[] = {
    {"velum_kernel.h", snippet_kernel_h, snippet_kernel_h_end},
    {"stdint.h", snippet_stdint_h, snippet_stdint_h_end},
    {"stddef.h", snippet_stddef_h, snippet_stddef_h_end},
    {"stdbool.h", snippet_stdbool_h, snippet_stdbool_h_end},
    {"stdarg.h", snippet_stdarg_h, snippet_stdarg_h_end},
    {"limits.h", snippet_limits_h, snippet_limits_h_end},
    {"float.h", snippet_float_h, snippet_float_h_end},
    {"math.h", snippet_math_h, snippet_math_h_end},
    {"string.h", snippet_string_h, snippet_string_h_end},
    {"velum_data.h", snippet_velum_data_h, snippet_velum_data_h_end},
};

bool snippet_header(const char *path, struct bytes *text)
{
    static const char folder[] = SNIPPET_HEADERS_FOLDER "/";
    if (strncmp(path, folder, sizeof folder - 1) != 0)
        return false;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        if (strcmp(path + sizeof folder - 1, headers[i].name) != 0)
            continue;
        *text = (struct bytes){headers[i].text, (size_t)(headers[i].end - headers[i].text)};
        return true;
    }
    return false;
}

bool snippet_header_next(unsigned index, const char **name, struct bytes *text)
{
    if (index >= sizeof headers / sizeof *headers)
        return false;
    *name = headers[index].name;
    *text = (struct bytes){headers[index].text,
                           (size_t)(headers[index].end - headers[index].text)};
    return true;
}

void snippet_helper(struct bytes *text)
{
    *text = (struct bytes){snippet_helper_c, (size_t)(snippet_helper_c_end - snippet_helper_c)};
}

void snippet_built(struct bytes *text)
{
    *text = (struct bytes){snippet_built_c, (size_t)(snippet_built_c_end - snippet_built_c)};
}
