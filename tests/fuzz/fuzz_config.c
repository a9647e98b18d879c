/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as spoolgate.yaml. What must hold: a configuration error with its place, or values that
 * are inside their ranges.
 */
#include "config/config.c"
#include "config/file.c"

#include <assert.h>

static void check_numbers(const struct config_key *k, const void *base)
{
    uint64_t number;
    if (config_is_string(k)) {
        assert(*(char *const *)((const char *)base + k->offset) != NULL);
        return;
    }
    if (k->type == CONFIG_REJECTS) {
        const struct reject_limit *limit = (const void *)((const char *)base + k->offset);
        assert(!limit->is_percent || limit->count <= 1000000);
        return;
    }
    memcpy(&number, (const char *)base + k->offset, sizeof number);
    if (k->type == CONFIG_ENUM)
        for (uint64_t i = 0; i < number; i++)
            assert(k->names[i]);
    else
        assert((number >= k->min && number <= k->max) ||
               (number == 0 && strcmp(k->fallback, AUTO) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct config c;
    config_init(&c);
    struct err e = config_load_text(&c, "f.yaml", (const char *)bytes, len);
    if (err_is(&e))
        assert(e.cls == ERR_CONFIG && strncmp(e.text, "f.yaml:", 7) == 0);
    for (const struct config_key *k = config_keys; k->path; k++) {
        if (!is_gate_key(k)) {
            check_numbers(k, &c);
            continue;
        }
        check_numbers(k, &c.default_gate);
        for (size_t i = 0; i < c.gate_count; i++) {
            assert(name_is_gate(c.gates[i].name));
            check_numbers(k, &c.gates[i].settings);
        }
    }
    config_free(&c);
    return 0;
}
