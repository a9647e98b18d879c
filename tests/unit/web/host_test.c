/* SPDX-License-Identifier: MIT */
#include "web/host.h"

#include "bytes.h"

Test(web_host, is_ours)
{
    static const char local[] = "127.0.0.1:9647";
    static const char all[] = "0.0.0.0:9647";
    static const char names[] = "  spool.example  Other.Example ";
    static const struct {
        const char *host, *listen, *names;
        bool want;
    } rows[] = {
        {"localhost", local, "", true},
        {"localhost:9647", local, "", true},
        {"LOCALHOST:1", local, "", true},
        {"localhost.", local, "", true},
        {"127.0.0.1:9647", local, "", true},
        {"127.0.0.1", local, "", true},
        {"127.1.2.3:8080", local, "", true}, /* a forwarded port */
        {"[::1]:9647", local, "", true},
        {"10.0.0.5:9647", "10.0.0.5:9647", "", true},
        {"10.0.0.6:9647", "10.0.0.5:9647", "", false},
        {"[fd00::1]:1", "[fd00::1]:9647", "", true},
        {"[fd00::2]:1", "[fd00::1]:9647", "", false},
        {"10.0.0.6:9647", all, "", true}, /* a written address can't be rebound */
        {"[fd00::2]", "[::]:9647", "", true},
        {"evil.example", local, "", false},
        {"evil.example:9647", all, "", false},
        {"localhost.evil.example", local, "", false},
        {"127.0.0.1.evil.example", local, "", false},
        {"evil.example:9647#localhost", local, "", false},
        {"evil.example@localhost", local, "", false},
        {"localhost@evil.example", local, "", false},
        {"localhost, evil.example", local, "", false},
        {"localhost:80:80", local, "", false},
        {"localhost:abc", local, "", false},
        {"[localhost]", local, "", false},
        {"[::1", local, "", false},
        {"0x7f000001", local, "", false},
        {"2130706433", local, "", false},
        {"127.1", local, "", false},
        {"0.0.0.0:9647", local, "", false},
        {"[::ffff:127.0.0.1]", local, "", false},
        {"", local, "", false},
        {".", local, "", false},
        {"localhost..", local, "", false},
        {"spool.example", local, names, true},
        {"SPOOL.example.:443", local, names, true},
        {"other.example", local, names, true},
        {"spool.example", local, "", false},
        {"spool", local, names, false},
        {"spool.example other.example", local, names, false},
        {"xspool.example", local, names, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct endpoint listen;
        cr_assert(endpoint_parse(rows[i].listen, &listen));
        bool got = host_is_ours(rows[i].host, &listen, rows[i].names);
        cr_expect_eq(got, rows[i].want, "\"%s\" at %s: want %d, got %d", rows[i].host,
                     rows[i].listen, rows[i].want, got);
    }
}
