/* SPDX-License-Identifier: MIT */
#include "outbox/sinks.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "bytes.h"

static struct manifest set_of(const struct manifest_sink *sinks, size_t count)
{
    return (struct manifest){.sinks = sinks, .sink_count = count};
}

static const struct outcome delivered = {.outcome = QUEUE_DELIVERED, .status = 200};

struct room_row {
    uint64_t most;
    unsigned under_way[3]; /* of a (4 at once), b (2) and c (1) */
    unsigned least[3], total;
};

/* Whatever the order is: no sink is left without its first, and together they keep the bound. */
Test(outbox_sinks, room)
{
    static const struct manifest_sink sinks[] = {{.name = "a", .concurrency = 4},
                                                 {.name = "b", .concurrency = 2},
                                                 {.name = "c", .concurrency = 1}};
    static const struct room_row rows[] = {
        {64, {0, 0, 0}, {4, 2, 1}, 7}, {64, {3, 2, 0}, {1, 0, 1}, 2}, {64, {4, 2, 1}, {0, 0, 0}, 0},
        {7, {0, 0, 0}, {4, 2, 1}, 7},  {1, {0, 0, 0}, {1, 1, 1}, 3},  {1, {1, 1, 1}, {0, 0, 0}, 0},
        {4, {4, 0, 0}, {0, 1, 1}, 2}, /* a hangs */
        {6, {1, 1, 1}, {0, 0, 0}, 3},
    };
    struct manifest set = set_of(sinks, COUNT(sinks));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sinks s = {0};
        for (size_t k = 0; k < 3; k++)
            for (unsigned n = 0; n < rows[i].under_way[k]; n++)
                sinks_began(&s, sinks[k].name, false);
        for (unsigned round = 0; round < 6; round++) { /* each order twice */
            struct queue_want wants[3];
            unsigned got[3] = {0};
            unsigned total = 0;
            size_t count = sinks_wants(&s, &set, rows[i].most, wants);
            for (size_t k = 0; k < count; k++) {
                got[*wants[k].sink - 'a'] = wants[k].room;
                total += wants[k].room;
            }
            for (size_t k = 0; k < 3; k++)
                cr_expect_geq(got[k], rows[i].least[k], "row %zu, sink %zu: want %u, got %u", i, k,
                              rows[i].least[k], got[k]);
            cr_expect_eq(total, rows[i].total, "row %zu: want %u in all, got %u", i, rows[i].total,
                         total);
        }
        sinks_free(&s);
    }
}

Test(outbox_sinks, leases_outlive_the_time_out)
{
    static const struct manifest_sink sinks[] = {
        {.name = "a", .concurrency = 4, .timeout_us = 7000000}};
    struct manifest set = set_of(sinks, 1);
    struct sinks s = {0};
    struct queue_want want;
    cr_assert_eq(sinks_wants(&s, &set, 64, &want), 1);
    cr_expect_eq(want.lease_us, 7000000 + SINKS_LEASE_US);
    sinks_free(&s);
}

Test(outbox_sinks, what_ends_gives_its_room_back)
{
    static const struct manifest_sink sinks[] = {{.name = "a", .concurrency = 1}};
    struct manifest set = set_of(sinks, 1);
    struct sinks s = {0};
    struct queue_want want;
    sinks_began(&s, "a", false);
    cr_expect_eq(sinks_wants(&s, &set, 64, &want), 0);
    sinks_ended(&s, "a", "id", &delivered);
    cr_expect_eq(sinks_wants(&s, &set, 64, &want), 1);
    cr_expect_eq(s.under_way, 0);
    sinks_free(&s);
}

struct finishing_row {
    const char
        *attempts; /* d: delivered, f: failed, u: unsent, r: released; P: the next is a probe */
    bool is_left_alone;
};

Test(outbox_sinks, who_fails_is_left_alone_while_finishing)
{
    static const struct finishing_row rows[] = {
        {"", false},       {"ffff", false},   {"fffff", true},   {"ffffffff", true},
        {"ffffdf", false}, {"fffffd", false}, {"Pf", true},      {"Pd", false},
        {"Pr", false},     {"uuuuuu", false}, {"rrrrrr", false}, {"PfPf", true},
    };
    static const enum queue_outcome outcomes[] = {['d'] = QUEUE_DELIVERED,
                                                  ['f'] = QUEUE_FAILED,
                                                  ['u'] = QUEUE_UNSENT,
                                                  ['r'] = QUEUE_RELEASED};
    static const struct manifest_sink sinks[] = {{.name = "a", .concurrency = 1}};
    struct manifest set = set_of(sinks, 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sinks s = {0};
        struct queue_want want;
        bool is_probe = false;
        for (const char *p = rows[i].attempts; *p; p++) {
            struct outcome o = {.outcome = outcomes[(unsigned char)*p]};
            if (*p != 'P') {
                sinks_began(&s, "a", is_probe);
                sinks_ended(&s, "a", "id", &o);
            }
            is_probe = *p == 'P';
        }
        cr_expect_eq(sinks_wants(&s, &set, 64, &want), 1, "%s: want room", rows[i].attempts);
        s.is_finishing = true;
        size_t got = sinks_wants(&s, &set, 64, &want);
        cr_expect_eq(got, !rows[i].is_left_alone, "%s: want %d, got %zu", rows[i].attempts,
                     !rows[i].is_left_alone, got);
        sinks_free(&s);
    }
}

struct told_row {
    struct outcome outcome;
    const char *want; /* what the log says of it; "": nothing */
};

/* What is told of a sink, attempt by attempt. The log is stderr, which goes to a file here. */
Test(outbox_sinks, failures_are_told_once)
{
    static const struct told_row rows[] = {
        {{.outcome = QUEUE_DELIVERED, .status = 200}, ""},
        {{.outcome = QUEUE_FAILED, .status = 500, .error = "HTTP 500"}, "error=\"HTTP 500\""},
        {{.outcome = QUEUE_FAILED, .status = 503, .error = "HTTP 503"}, ""},
        {{.outcome = QUEUE_RELEASED, .error = "stopped"}, ""},
        {{.outcome = QUEUE_FAILED, .error = "refused"}, "error=refused"},
        {{.outcome = QUEUE_FAILED, .error = "timed out"}, ""},
        {{.outcome = QUEUE_UNSENT, .error = "unset"}, "level=error"},
        {{.outcome = QUEUE_UNSENT, .error = "unset", .wait_us = -1}, "given up"},
        {{.outcome = QUEUE_UNSENT, .error = "unset", .wait_us = -1}, ""},
        {{.outcome = QUEUE_DELIVERED, .status = 204}, "get through to the sink again"},
        {{.outcome = QUEUE_DELIVERED, .status = 204}, ""},
        {{.outcome = QUEUE_GONE, .status = 410, .error = "HTTP 410"}, "disabled"},
        {{.outcome = QUEUE_GONE, .status = 410, .error = "HTTP 410"}, ""},
    };
    struct sinks s = {0};
    FILE *log = tmpfile();
    char text[1024];
    cr_assert(log && dup2(fileno(log), STDERR_FILENO) == STDERR_FILENO);
    for (size_t i = 0; i < COUNT(rows); i++) {
        cr_assert_eq(ftruncate(fileno(log), 0), 0);
        cr_assert_eq(lseek(fileno(log), 0, SEEK_SET), 0);
        sinks_began(&s, "ops", false);
        sinks_ended(&s, "ops", "id", &rows[i].outcome);
        ssize_t n = pread(fileno(log), text, sizeof text - 1, 0);
        cr_assert_geq(n, 0);
        text[n] = '\0';
        cr_expect(*rows[i].want ? strstr(text, rows[i].want) != NULL : n == 0,
                  "row %zu: want `%s`, got `%s`", i, rows[i].want, text);
    }
    (void)fclose(log);
    sinks_free(&s);
}
