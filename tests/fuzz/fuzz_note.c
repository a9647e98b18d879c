/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as processing/BATCH/.claim.json. What must hold: refused, or a gate's name that can be
 * a folder.
 */
#include "spool/claim.c"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct claim c;
    memset(&c, 'x', sizeof c);
    if (parse_note(&c, (const char *)bytes, len)) {
        assert(name_is_gate(c.gate) && strnlen(c.gate, sizeof c.gate) < sizeof c.gate);
    } else {
        assert(c.gate[0] == 'x');
    }
    return 0;
}
