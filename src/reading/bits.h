/* bits.h - how many bits a word has. The compiler's own is a call of a function where it must not
 * count on a processor that can do it. */
#ifndef TAKEUP_READING_BITS_H
#define TAKEUP_READING_BITS_H

#include <stdint.h>

/* In each byte of the result, how many that byte of the word has. */
static inline uint64_t bits_in_bytes(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555U;
    word = (word & 0x3333333333333333U) + (word >> 2 & 0x3333333333333333U);
    return (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fU;
}

static inline int bits_in(uint64_t word)
{
    return (int)(bits_in_bytes(word) * 0x0101010101010101U >> 56);
}

#endif
