/* SPDX-License-Identifier: MIT */
#include "base/uuid.h"

#include "base/time.h"
#include "bytes.h"

Test(base_uuid, version_7_layout)
{
    static const struct {
        int64_t us;
        uint8_t random[10];
        const char *want;
    } rows[] = {
        {0, {0}, "00000000-0000-7000-8000-000000000000"},
        {999, {0}, "00000000-0000-7000-8000-000000000000"},
        {1000, {0}, "00000000-0001-7000-8000-000000000000"},
        {INT64_C(281474976710655000),
         {255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
         "ffffffff-ffff-7fff-bfff-ffffffffffff"},
        /* the example of RFC 9562, appendix A.6 */
        {INT64_C(1645557742000000),
         {0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f},
         "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[UUID_TEXT];
        struct uuid id = uuid_v7(rows[i].us, rows[i].random);
        const char *got = uuid_format(&id, text);
        cr_expect_str_eq(got, rows[i].want, "want %s, got %s", rows[i].want, got);
        cr_expect_eq(uuid_v7_ms(&id), rows[i].us / 1000, "%s: want %lld ms, got %lld", got,
                     (long long)(rows[i].us / 1000), (long long)uuid_v7_ms(&id));
    }
}

Test(base_uuid, parse)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398f", true},
        {"017F22E2-79B0-7CC3-98C4-DC0C0C07398F", true},
        {"00000000-0000-0000-0000-000000000000", true},
        {"", false},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398", false},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398ff", false},
        {"017f22e279b07cc398c4dc0c0c07398f", false},
        {"{017f22e2-79b0-7cc3-98c4-dc0c0c0739}", false},
        {"017f22e2-79b0-7cc3-98c4_dc0c0c07398f", false},
        {"017f22e-279b0-7cc3-98c4-dc0c0c07398f", false},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398g", false},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c0739 f", false},
        {"../../../../../../../../etc/passwd00", false},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07\n98f", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct uuid id;
        char text[UUID_TEXT];
        bool good = uuid_parse(rows[i].text, &id);
        cr_expect_eq(good, rows[i].good, "%s: want %d, got %d", rows[i].text, rows[i].good, good);
        if (good)
            cr_expect(strcasecmp(uuid_format(&id, text), rows[i].text) == 0, "%s came back as %s",
                      rows[i].text, text);
    }
}

Test(base_uuid, new_ones_differ_and_carry_the_clock)
{
    int64_t before = time_now() / 1000;
    struct uuid a = uuid_new();
    struct uuid b = uuid_new();
    int64_t after = time_now() / 1000;
    char text[UUID_TEXT];
    cr_expect(memcmp(&a, &b, sizeof a) != 0, "twice %s", uuid_format(&a, text));
    cr_expect(uuid_v7_ms(&a) >= before && uuid_v7_ms(&b) <= after,
              "%lld is not between %lld and %lld", (long long)uuid_v7_ms(&a), (long long)before,
              (long long)after);
    cr_expect_eq(uuid_format(&a, text)[14], '7', "%s is not version 7", text);
}

/* More than two pools: all of now, and no two the same. */
Test(base_uuid, drawn_from_a_pool)
{
    enum { MANY = 2 * UUID_POOL + 2 };
    static struct uuid_pool pool;
    static struct uuid drawn[MANY];
    int64_t before = time_now() / TIME_US_PER_MS;
    for (size_t i = 0; i < MANY; i++) {
        drawn[i] = uuid_draw(&pool);
        int64_t ms = uuid_v7_ms(&drawn[i]);
        cr_expect(ms >= before && ms <= time_now() / TIME_US_PER_MS, "%zu: %lld ms", i,
                  (long long)ms);
        for (size_t k = 0; k < i; k++)
            cr_assert_neq(memcmp(&drawn[i], &drawn[k], sizeof drawn[i]), 0, "%zu is %zu", i, k);
    }
}
