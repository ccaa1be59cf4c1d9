/* TI LM3S6965 evaluation board: Cortex-M3, 256 KiB flash, 64 KiB RAM, UART0 as serial line; QEMU
 * knows it as lm3s6965evb. Register addresses are from the LM3S6965 data sheet and the ARMv7-M
 * Architecture Reference Manual. */
#include <stdint.h>
#include <string.h>

#include "firmware/port.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define RUN_CLOCK_1 REGISTER(0x400FE104u) /* clock gates of the UARTs */
#define RUN_CLOCK_2 REGISTER(0x400FE108u) /* clock gates of the ports */
#define PORT_A_FUNCTION REGISTER(0x40004420u)
#define PORT_A_DIGITAL REGISTER(0x4000451Cu)
#define UART_DATA REGISTER(0x4000C000u)
#define UART_FLAGS REGISTER(0x4000C018u)
#define UART_DIVISOR REGISTER(0x4000C024u)
#define UART_FRACTION REGISTER(0x4000C028u)
#define UART_LINE REGISTER(0x4000C02Cu)
#define UART_CONTROL REGISTER(0x4000C030u)
#define RESET_CONTROL REGISTER(0xE000ED0Cu) /* AIRCR */

#define UART_FLAG_FULL 0x20u
#define UART_LINE_8N1_FIFO 0x70u
#define UART_ENABLE 0x301u
#define RESET_KEY_AND_REQUEST 0x05FA0004u

/* From m3.ld. */
extern uint32_t stack_top[];
extern uint8_t data_load[], data_start[], data_end[], bss_start[], bss_end[];

_Noreturn void reset_entry(void);
_Noreturn void fault_entry(void);

/* The processor reads its first stack pointer and its entry points from here. */
struct vectors {
    void *stack;
    void (*entries[15])(void);
};

extern const struct vectors vectors;
__attribute__((section(".vectors"), used)) const struct vectors vectors = {
    .stack = stack_top,
    .entries = {reset_entry, fault_entry, fault_entry, fault_entry, fault_entry, fault_entry, 0, 0,
                0, 0, fault_entry, fault_entry, 0, fault_entry, fault_entry},
};

/* 115,200 baud from the 12 MHz clock the chip resets to. */
static void serial_init(void)
{
    RUN_CLOCK_1 |= 1u;
    RUN_CLOCK_2 |= 1u;
    (void)RUN_CLOCK_2; /* the gate opens some cycles after the write */
    PORT_A_FUNCTION |= 3u;
    PORT_A_DIGITAL |= 3u;
    UART_CONTROL = 0;
    UART_DIVISOR = 6;
    UART_FRACTION = 33;
    UART_LINE = UART_LINE_8N1_FIFO;
    UART_CONTROL = UART_ENABLE;
}

void reset_entry(void)
{
    memcpy(data_start, data_load, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    serial_init();
    firmware_main();
}

void fault_entry(void)
{
    port_reset();
}

void port_write(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while (UART_FLAGS & UART_FLAG_FULL)
            continue;
        UART_DATA = (uint8_t)text[i];
    }
}

void port_idle(void)
{
    __asm__ volatile("wfi" ::: "memory");
}

void port_reset(void)
{
    __asm__ volatile("dsb" ::: "memory");
    RESET_CONTROL = RESET_KEY_AND_REQUEST;
    for (;;)
        continue;
}
