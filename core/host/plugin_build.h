/* Makes a plugin of C source with the system's own compiler, for whoever asks for one: this runs as
 * the user does, outside of every cage, on the user's own file. What a plugin needs beside the
 * source, velum_kernel.h, helper.c and the headers of snippets, is part of this executable, and
 * nothing else may be included: the digest of the source is to say all of it. Called by
 * cmd/cc.c. */
#ifndef VELUM_HOST_PLUGIN_BUILD_H
#define VELUM_HOST_PLUGIN_BUILD_H

#define PLUGIN_BUILD_MESSAGE_SIZE 512

/* Writes the new file `result`, which is there only when the compiler is content; what that one
 * says goes to standard error. `source` begins with a slash, so that no compiler takes it for an
 * option. Ctrl-C, SIGTERM and SIGHUP end the compiler, and nothing of it stays. 0; ERR_NOT_FOUND:
 * there is no cc, gcc or clang; ERR_KERNEL: the compiler refused the source, or it includes what is
 * not allowed; ERR_CANCELLED after such a signal; or another code, each with a sentence in
 * message. */
int plugin_build(const char *source, const char *result, char message[PLUGIN_BUILD_MESSAGE_SIZE]);

#endif
