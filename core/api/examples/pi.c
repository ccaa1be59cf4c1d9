/* pi [N]: a built-in kernel scattered over all nodes, or over all cores where there is no node.
 *
 *     cc -o pi pi.c $(pkg-config --cflags --libs velum)
 */
#include <stdio.h>
#include <velum.h>

int main(int argc, char **argv)
{
    struct velum *v;
    int rc = velum_init(&v, NULL);
    if (rc == VELUM_DONE)
        rc = velum_wait(v, velum_spawn(v, "pi", argc > 1 ? argv[1] : "400000000", NULL), -1);
    if (rc < 0)
        fprintf(stderr, "pi: %s\n", velum_sentence(v, rc));
    else
        puts(velum_text(v, rc));
    velum_shutdown(v);
    return rc < 0 ? -rc : 0;
}
