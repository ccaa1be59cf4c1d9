/* What a board supplies. Nothing else of firmware/ or of the core knows the hardware.
 *
 * Each board is one file, board_NAME.c, with a linker script: it holds the reset entry, which
 * prepares memory and calls firmware_main, and these functions. */
#ifndef VELUM_FIRMWARE_PORT_H
#define VELUM_FIRMWARE_PORT_H

#include <stddef.h>

/* Sends all of it over the serial line; may wait for the line, never for anybody's answer. */
void port_write(const char *text, size_t len);
/* Waits for the next interrupt with the least power. */
void port_idle(void);
/* Starts the board again from its reset entry; also what a failed ensure() ends in. */
_Noreturn void port_reset(void);

/* In main.c; called once, with memory prepared. */
_Noreturn void firmware_main(void);

#endif
